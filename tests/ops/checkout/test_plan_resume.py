"""A context restored with changes: as a new session, in another folder, or up to a message. It is verified and
registered."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from ctxstore.durable.new_file import NewFile
from ctxstore.errors import AlreadyExists, Conflict, InvalidInput, NotFound, StorageError
from ctxstore.ops.checkout import execute as checkout_module
from ctxstore.ops.checkout.link_policy import LinkPolicy
from ctxstore.ops.checkout.placement import Placement
from ctxstore.ops.checkout.resume_target import ResumeTarget
from ctxstore.ops.checkout.running_agents import find_running
from ctxstore.ops.snapshot.targets import Target
from ctxstore.sources.claude_code import ClaudeCode
from ctxstore.sources.homes import home_at
from ctxstore.sources.protocol import SourceHome
from ctxstore.sources.registry import get_source

NEW = Placement(new_session=True)


def transcripts(home: Any) -> dict[str, bytes]:
    return {path.stem: path.read_bytes() for path in home.claude.rglob("*.jsonl")}


def ids(data: bytes) -> set[str]:
    return {json.loads(line)["sessionId"] for line in data.splitlines()}


def test_a_new_session_stands_beside_the_original(home, snap, repo):
    home.write("one")
    snap(home)
    before = home.transcript("one").read_bytes()
    plan = repo.plan_checkout(home.ref("one"), placement=NEW)
    assert not plan.in_place and not plan.destroys
    result = plan.execute()
    made = transcripts(home)
    assert made.pop("one") == before
    ((session, data),) = made.items()
    assert session == plan.resume_target.session and ids(data) == {session}
    assert plan.resume_target.command == f"cd /home/ada/engine && claude --resume {session}"
    assert data.replace(session.encode(), b"one") == before
    assert result.saved == next(iter(repo.ops()))[0]


def test_a_new_session_is_saved_as_a_fork_of_what_it_was_made_from(home, snap, repo):
    home.write("one")
    first = snap(home).commits[0][1]
    plan = repo.plan_checkout(home.ref("one"), placement=NEW)
    plan.execute()
    commits = list(repo.log(home.ref(plan.resume_target.session)))
    assert [stored.id for stored in commits][1:] == [first]
    assert not commits[0].commit.shrunk
    assert snap(home).op is None


def test_the_conversation_up_to_a_message_is_a_session_of_its_own(home, snap, repo):
    home.write("one")
    snap(home)
    plan = repo.plan_checkout(home.ref("one"), placement=Placement(until="m2"))
    plan.execute()
    session = plan.resume_target.session
    view = list(repo.messages(home.ref(session)))
    assert [message.id for message in view] == ["m0", "m1", "m2"]
    assert len(list(repo.log(home.ref(session)))) == 1
    assert transcripts(home)["one"].count(b"\n") == 6


def test_a_message_is_named_by_enough_of_its_id(home, snap, repo, line):
    ids = ["abcd-1", "abcd-2", "ef"]
    home.write("one", 0)
    home.append("one", *(line(n, session="one", uuid=id) for n, id in enumerate(ids)))
    snap(home)

    def last(until: str) -> str:
        plan = repo.plan_checkout(home.ref("one"), placement=Placement(until=until))
        plan.execute()
        return list(repo.messages(home.ref(plan.resume_target.session)))[-1].id

    assert last("abcd-1") == "abcd-1" and last("ef") == "ef"
    with pytest.raises(InvalidInput, match="2 messages"):
        last("abcd")
    for unknown in ("abcd-3", "e", "abc"):
        with pytest.raises(NotFound, match="has no message"):
            last(unknown)


def test_a_message_is_named_by_its_number_unless_that_is_an_id(home, snap, repo, line):
    home.write("one", 0)
    home.append("one", b'{"type":"mode","mode":"default","sessionId":"one","uuid":"mode-1"}\n')
    home.append("one", *(line(n, session="one", uuid=id) for n, id in enumerate(["a", "1", "4321-b"])))
    snap(home)

    def last(until: str) -> str:
        plan = repo.plan_checkout(home.ref("one"), placement=Placement(until=until))
        plan.execute()
        return list(repo.messages(home.ref(plan.resume_target.session)))[-1].id

    assert [last("2"), last("1"), last("3"), last("4321")] == ["1", "1", "4321-b", "4321-b"]
    with pytest.raises(InvalidInput, match="not a message"):
        last("0")
    with pytest.raises(NotFound, match="has no message"):
        last("4")


def test_what_a_subagent_did_is_no_session(home, snap, repo):
    home.write("agent-1", 0)
    home.append("agent-1", b'{"type":"user","uuid":"m0","message":{"role":"user","content":"oil"}}\n')
    snap(home)
    with pytest.raises(InvalidInput, match="subagent"):
        repo.plan_checkout(home.ref("agent-1"), placement=NEW)


def test_a_record_in_which_nothing_is_said_is_no_place_to_end(home, snap, repo):
    home.write("one")
    home.append("one", b'{"type":"mode","mode":"default","sessionId":"one","uuid":"mode-1"}\n')
    snap(home)
    (record,) = (message.id for message in repo.messages(home.ref("one")) if message.role == "meta")
    with pytest.raises(InvalidInput, match="not a message"):
        repo.plan_checkout(home.ref("one"), placement=Placement(until=record))
    with pytest.raises(NotFound):
        repo.plan_checkout(home.ref("one"), placement=Placement(until=record[:-1]))


def test_another_home_and_project_get_the_session_where_the_agent_looks(home, snap, repo, tmp_path):
    home.write("one")
    snap(home)
    other = tmp_path / "other home"
    placement = Placement(home=str(other), paths=(("/home/ada/engine", "/srv/engine"),))
    plan = repo.plan_checkout(home.ref("one"), placement=placement)
    result = plan.execute()
    path = other / ".claude/projects/-srv-engine/one.jsonl"
    assert {json.loads(line)["cwd"] for line in path.read_bytes().splitlines()} == {"/srv/engine"}
    assert plan.resume_target.command == "cd /srv/engine && claude --resume one"
    assert result.saved is None
    assert repo.plan_checkout(home.ref("one"), placement=placement).is_empty


def test_what_lies_elsewhere_is_not_overwritten_unasked(home, snap, repo, tmp_path):
    home.write("one")
    snap(home)
    placement = Placement(home=str(tmp_path / "other"))
    repo.plan_checkout(home.ref("one"), placement=placement).execute()
    path = tmp_path / f"other/.claude/projects/{home.project}/one.jsonl"
    path.write_text("theirs\n")
    with pytest.raises(AlreadyExists, match="would be overwritten"):
        repo.plan_checkout(home.ref("one"), placement=placement).execute()
    assert path.read_text() == "theirs\n"
    repo.plan_checkout(home.ref("one"), placement=placement).execute(overwrite=True)
    assert path.read_bytes() == home.transcript("one").read_bytes()


def test_a_folder_is_mapped_to_the_project_of_another_name(home, snap, repo):
    home.write("one")
    snap(home)
    repo.plan_checkout(home.ref("one"), placement=Placement(paths=(("/home/ada", "/u"),))).execute()
    assert (home.claude / "projects/-u-engine/one.jsonl").exists() and home.transcript("one").exists()
    assert next(repo.log("claude-code/-u-engine/one")).commit.note.startswith("from ")


@pytest.mark.parametrize("paths", [(("a", "/b"),), (("/a", "b"),), (("/a/../b", "/c"),), (("/a", "/b"), ("/a", "/c"))])
def test_mappings_that_are_none_are_refused(home, snap, repo, paths):
    home.write("one")
    snap(home)
    with pytest.raises(InvalidInput):
        repo.plan_checkout(home.ref("one"), placement=Placement(paths=paths))


def test_what_is_no_session_can_only_come_back_as_it_was(home, snap, repo):
    home.write("one")
    home.add("settings.json", b"{}")
    snap(home)
    with repo.edit("chat/alice") as draft:
        draft.messages.append({"role": "user", "content": "Hello"})
        draft.commit()
    for ref in ("chat/alice", "claude-code/home"):
        with pytest.raises(InvalidInput):
            repo.plan_checkout(ref, placement=NEW)


def test_a_session_the_agent_would_delete_at_once_gets_the_time_of_now(home, snap, repo):
    path = home.write("one")
    os.utime(path, (1_600_000_000, 1_600_000_000))
    snap(home)
    path.unlink()
    repo.plan_checkout(home.ref("one")).execute()
    assert abs(path.stat().st_mtime - time.time()) < 3600
    assert repo.plan_checkout(home.ref("one")).is_empty


def test_a_young_session_keeps_its_time(home, snap, repo):
    path = home.write("one")
    then = time.time_ns() - 86_400 * 10**9
    os.utime(path, ns=(then, then))
    snap(home)
    path.unlink()
    repo.plan_checkout(home.ref("one")).execute()
    assert path.stat().st_mtime_ns == then


# -- read back


class Bent:
    """A target folder on a disk that flips a bit of every file."""

    def __init__(self, real: type) -> None:
        self._real = real

    def __call__(self, path: str, links: LinkPolicy | None) -> Any:
        folder = self._real(path, links)
        put = folder.move_into_place

        def put_bent(name: str, pending: NewFile) -> None:
            put(name, pending)
            file = Path(path, name)
            status, data = file.stat(), bytearray(file.read_bytes())
            data[-2] ^= 1
            file.write_bytes(data)
            os.utime(file, ns=(status.st_mtime_ns, status.st_mtime_ns))

        folder.move_into_place = put_bent
        return folder


@pytest.mark.parametrize("placement", [Placement(to="x"), NEW, Placement(home="x")])
def test_what_a_disk_did_not_keep_is_told(home, snap, repo, tmp_path, monkeypatch, placement):
    home.write("one")
    snap(home)
    monkeypatch.chdir(tmp_path)
    plan = repo.plan_checkout(home.ref("one"), placement=placement)
    monkeypatch.setattr(checkout_module, "TargetFolder", Bent(checkout_module.TargetFolder))
    with pytest.raises(StorageError, match="does not contain what was written"):
        plan.execute()


# -- the agent's own lists


class Entry:
    """An entry in a file of session names."""

    path = "names.txt"

    def __init__(self, name: str, *, forgetful: bool = False) -> None:
        self.what = f"the name {name}"
        self._name, self._forgetful = name, forgetful

    def is_there(self, root: str) -> bool:
        file = Path(root, self.path)
        return file.exists() and self._name in file.read_text().split()

    def apply(self, root: str) -> None:
        with Path(root, self.path).open("a") as file:
            file.write("" if self._forgetful else self._name + "\n")


def test_what_the_agent_must_be_told_is_told_after_the_files_and_verified(home, snap, repo):
    home.write("one")
    snap(home)
    plan = repo.plan_checkout(home.ref("one"))
    assert plan.is_empty
    plan.resume_target = ResumeTarget(str(home.claude), (Entry("one"),))
    assert not plan.is_empty
    assert plan.execute().registered == 1
    assert (home.claude / "names.txt").read_text() == "one\n"
    plan.resume_target = ResumeTarget(str(home.claude), (Entry("two", forgetful=True),))
    with pytest.raises(StorageError, match="does not contain the name two"):
        plan.execute()


def test_files_that_are_written_but_not_listed_are_told(home, snap, repo):
    home.write("one")
    snap(home)
    plan = repo.plan_checkout(home.ref("one"), placement=NEW)
    plan.resume_target = ResumeTarget(str(home.claude), (Entry("one", forgetful=True),))
    with pytest.raises(StorageError, match=r"the files are written \(.*\.jsonl\), but not added"):
        plan.execute()


# -- running agents


@pytest.fixture
def agent(home, tmp_path):
    """A function that starts a process which looks like the agent, with a folder, a home and arguments."""
    processes = []

    def start(
        cwd: Path, *args: str, environ: dict[str, str] | None = None, name: str = "claude", script: Path | None = None
    ) -> int:
        cwd.mkdir(parents=True, exist_ok=True)
        code = "import time; print('up', flush=True); time.sleep(60)"
        process = subprocess.Popen(
            [name, *([str(script)] if script else ["-c", code]), *args],
            executable=sys.executable,
            cwd=cwd,
            env={"HOME": str(home.path)} if environ is None else environ,
            stdout=subprocess.PIPE,
        )
        processes.append(process)
        assert process.stdout is not None and process.stdout.readline() == b"up\n"
        return process.pid

    yield start
    for process in processes:
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()


def running(home: Any, project: Path, session: str = "one") -> list[int]:
    source = ClaudeCode()
    root = SourceHome("claude-code", str(home.claude), ".claude")
    return [each.pid for each in find_running(source, source.program, root, project=str(project), session=session)]


@pytest.mark.parametrize("option", ["{}", "--cd={}", "{}/below"])
def test_an_agent_that_was_given_the_project_is_found_wherever_it_was_started(home, agent, tmp_path, option):
    (tmp_path / "project/below").mkdir(parents=True)
    pid = agent(tmp_path / "elsewhere", option.format(tmp_path / "project"))
    assert running(home, tmp_path / "project") == [pid]
    assert running(home, tmp_path / "another") == []


def test_a_script_that_is_a_link_with_the_agents_name_is_found(home, agent, tmp_path):
    pid = agent(tmp_path / "project", name="node")
    assert running(home, tmp_path / "project") == []
    script = tmp_path / "bin/claude"
    script.parent.mkdir()
    script.write_text("import time; print('up', flush=True); time.sleep(60)")
    found = agent(tmp_path / "project", name="node", script=script)
    assert running(home, tmp_path / "project") == [found] != [pid]


def test_a_server_of_the_agents_may_use_any_session(home, agent, tmp_path):
    pid = agent(tmp_path / "elsewhere", "serve")
    program = ClaudeCode.program._replace(servers=frozenset({"serve"}))
    root = SourceHome("claude-code", str(home.claude), ".claude")
    found = find_running(ClaudeCode(), program, root, project=str(tmp_path / "project"), session="one")
    assert [each.pid for each in found] == [pid]


def test_an_agent_in_the_project_or_with_the_session_is_found_and_no_other(home, agent, tmp_path):
    project, other = tmp_path / "engine", tmp_path / "other"
    assert running(home, project) == []
    there = agent(project)
    below = agent(project / "src")
    named = agent(other, "--resume", "one")
    agent(other)
    agent(project, environ={"HOME": str(tmp_path / "nobody")})
    agent(project, name="python3")
    assert sorted(running(home, project)) == sorted([there, below, named])
    script = agent(project, "x/node_modules/@anthropic-ai/claude-code/cli.js", name="node")
    assert running(home, project) == sorted({there, below, named}) or script not in running(home, other)


def test_a_checkout_in_place_is_refused_while_the_agent_runs_unless_forced(home, snap, repo, agent, tmp_path):
    project = tmp_path / "engine"
    home.write("one", cwd=str(project))
    snap(home)
    home.append("one", b"{}\n")
    agent(project)
    plan = repo.plan_checkout(home.ref("one"))
    with pytest.raises(Conflict, match=r"agent is running.*claude"):
        plan.execute()
    assert home.transcript("one").read_bytes().endswith(b"{}\n")
    repo.plan_checkout(home.ref("one"), placement=NEW).execute()  # leaves it alone
    repo.plan_checkout(home.ref("one")).execute(force=True)
    assert not home.transcript("one").read_bytes().endswith(b"{}\n")


# -- projects


def test_the_history_of_a_project_that_moved_goes_where_the_project_is(repo, tmp_path):
    old, new = tmp_path / "engine", tmp_path / "works" / "engine"
    old.mkdir()
    (old / ".aider.chat.history.md").write_text("# aider chat started at 2026-01-01 10:00:00\n\n#### Oil it  \n")
    source = get_source("aider")
    root = home_at(source, str(old), {"HOME": str(tmp_path)})
    ((ref, _),) = repo.snapshot([Target(source, root)]).commits
    placement = Placement(paths=((str(old), str(new)),))
    assert repo.plan_checkout(ref, placement=placement).execute().files == 1
    name = ".aider.chat.history.md"
    assert (new / name).read_bytes() == (old / name).read_bytes()
    with pytest.raises(InvalidInput, match="restored unchanged"):
        repo.plan_checkout(ref, placement=placement._replace(new_session=True))
