"""Checkouts. They restore exactly what was saved, and overwrite nothing without being asked to."""

from __future__ import annotations

import os
import random

import pytest

import ctxstore
from ctxstore.errors import AlreadyExists, Conflict, Corrupt, InvalidInput, NotFound
from ctxstore.history.engine import Environment, real_environment
from ctxstore.ops.snapshot.targets import Target
from ctxstore.sources.claude_code import ClaudeCode
from ctxstore.sources.directory import Directory
from ctxstore.sources.protocol import SourceHome


@pytest.fixture
def folder(tmp_path, line):
    path = tmp_path / "notes"
    (path / "deep" / "er").mkdir(parents=True)
    (path / "a").write_bytes(b"first\n")
    (path / "deep" / "b").write_bytes(b"".join(line(i) for i in range(500)))
    (path / "deep" / "er" / "c").write_bytes(b"")
    (path / "link").symlink_to("a")
    return path


@pytest.fixture
def saved(folder, snap, folder_target):
    return snap(folder_target(folder)).commits[0][0]


def verbs(plan):
    return {action.path: action.verb for action in plan.actions}


def litter(folder):
    return [path for path in folder.rglob("*") if path.name.endswith(".part")]


def test_a_new_folder_gets_all_of_it(folder, saved, repo, tmp_path, state_of):
    plan = repo.plan_checkout(saved, to=str(tmp_path / "x" / "back"))
    assert set(verbs(plan).values()) == {"create"}
    assert not plan.in_place
    assert not (tmp_path / "x").exists()
    result = plan.execute()
    assert state_of(tmp_path / "x" / "back") == state_of(folder)
    assert (result.files, result.removed, result.safety) == (4, 0, None)
    assert result.bytes == sum(p.stat().st_size for p in folder.rglob("*") if p.is_file() and not p.is_symlink())


def test_identical_files_are_kept(saved, repo, checkout, tmp_path):
    checkout(saved, tmp_path / "back")
    inodes = {path: path.lstat().st_ino for path in (tmp_path / "back").rglob("*")}
    plan = repo.plan_checkout(saved, to=str(tmp_path / "back"))
    assert plan.is_empty
    result = plan.execute()
    assert (result.files, result.bytes) == (0, 0)
    assert {path: path.lstat().st_ino for path in (tmp_path / "back").rglob("*")} == inodes


def test_a_folder_that_is_there_keeps_its_mode_unless_overwriting_is_asked_for(saved, repo, checkout, tmp_path):
    back = tmp_path / "back"
    (back / "deep").mkdir(parents=True)
    (back / "deep").chmod(0o711)
    checkout(saved, back)
    assert (back / "deep").stat().st_mode & 0o777 == 0o711
    checkout(saved, back, overwrite=True)
    assert (back / "deep").stat().st_mode & 0o777 == 0o755


def test_nothing_is_written_when_something_would_be_overwritten(saved, repo, tmp_path, state_of):
    back = tmp_path / "back"
    (back / "deep" / "er").mkdir(parents=True)
    (back / "deep" / "er" / "c").write_bytes(b"mine")
    before = state_of(back)
    plan = repo.plan_checkout(saved, to=str(back))
    assert verbs(plan)["deep/er/c"] == "replace"
    with pytest.raises(AlreadyExists):
        plan.execute()
    assert state_of(back) == before


def test_what_is_there_is_overwritten_when_asked(folder, saved, repo, tmp_path, state_of):
    back = tmp_path / "back"
    (back / "deep" / "er").mkdir(parents=True)
    (back / "deep" / "er" / "c").write_bytes(b"mine")
    (back / "link").write_bytes(b"no link")
    (back / "extra").write_bytes(b"mine too")
    repo.plan_checkout(saved, to=str(back)).execute(overwrite=True)
    assert (back / "extra").read_bytes() == b"mine too"
    (back / "extra").unlink()
    assert state_of(back) == state_of(folder)


@pytest.mark.parametrize("change", ["bytes", "mode", "time"])
def test_a_file_is_kept_only_if_bytes_mode_and_time_are_the_same(saved, repo, checkout, tmp_path, change):
    checkout(saved, tmp_path / "back")
    path = tmp_path / "back" / "a"
    before = path.stat()
    if change == "bytes":
        path.write_bytes(b"FIRST\n")
    if change == "mode":
        path.chmod(0o640)
    if change != "time":
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    else:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert verbs(repo.plan_checkout(saved, to=str(tmp_path / "back")))["a"] == "replace"


def test_a_link_in_the_target_is_not_followed(saved, repo, tmp_path, state_of):
    back, outside = tmp_path / "back", tmp_path / "outside"
    outside.mkdir()
    back.mkdir()
    (back / "deep").symlink_to(outside)
    with pytest.raises(Conflict):
        repo.plan_checkout(saved, to=str(back)).execute(overwrite=True)
    assert state_of(outside) == {}
    assert not litter(back)


def test_a_link_in_a_files_place_is_replaced_and_what_it_points_to_is_left_alone(saved, repo, tmp_path):
    back = tmp_path / "back"
    back.mkdir()
    (tmp_path / "target").write_bytes(b"precious")
    (back / "a").symlink_to(tmp_path / "target")
    with pytest.raises(AlreadyExists):
        repo.plan_checkout(saved, to=str(back)).execute()
    repo.plan_checkout(saved, to=str(back)).execute(overwrite=True)
    assert (tmp_path / "target").read_bytes() == b"precious"
    assert (back / "a").read_bytes() == b"first\n"
    assert not (back / "a").is_symlink()


def test_a_link_put_into_the_target_after_the_plan_is_not_followed(saved, repo, tmp_path, state_of):
    back, outside = tmp_path / "back", tmp_path / "outside"
    outside.mkdir()
    plan = repo.plan_checkout(saved, to=str(back))
    back.mkdir()
    (back / "deep").symlink_to(outside)
    with pytest.raises(Conflict):
        plan.execute()
    assert state_of(outside) == {}
    assert not litter(back)


def test_a_folder_in_a_files_place_is_a_conflict_that_loses_nothing(saved, repo, tmp_path):
    back = tmp_path / "back"
    (back / "a").mkdir(parents=True)
    (back / "a" / "precious").write_bytes(b"mine")
    with pytest.raises(Conflict):
        repo.plan_checkout(saved, to=str(back)).execute(overwrite=True)
    assert (back / "a" / "precious").read_bytes() == b"mine"
    assert not litter(back)


def test_a_context_without_files_is_refused(repo, tmp_path):
    draft = repo.edit("chat/alice")
    draft.messages.append("hello")
    draft.commit()
    with pytest.raises(InvalidInput):
        repo.plan_checkout("chat/alice", to=str(tmp_path / "back"))
    with pytest.raises(InvalidInput):
        repo.plan_checkout("chat/alice")


def test_a_files_put_by_a_program_are_laid_out(repo, checkout, tmp_path):
    draft = repo.edit("chat/alice")
    draft.files.put("src/a.py", b"print()\n", mode=0o755, mtime_ns=1_000_000_001)
    draft.commit()
    checkout("chat/alice", tmp_path / "back")
    made = tmp_path / "back" / "src" / "a.py"
    assert made.read_bytes() == b"print()\n"
    assert (made.stat().st_mode & 0o7777, made.stat().st_mtime_ns) == (0o755, 1_000_000_001)


# -- in place


def test_in_place_is_exact_for_the_contexts_own_files_and_touches_no_others(home, snap, repo, line, state_of):
    home.write("one")
    home.add(f"projects/{home.project}/one/tool-results/t.txt", b"1")
    snap(home)
    expected = state_of(home.claude)
    home.append("one", line(6))
    home.add(f"projects/{home.project}/one/tool-results/t.txt", b"2")
    home.add(f"projects/{home.project}/one/tool-results/new/u.txt", b"3")
    home.add("file-history/one/x@v1", b"4")
    home.write("two")
    home.add("settings.json", b"{}")
    snap(home)
    others = {k: v for k, v in state_of(home.claude).items() if b"two" in k or b"settings" in k}
    plan = repo.plan_checkout(home.ref("one") + "~1")
    assert plan.in_place
    result = plan.execute()
    assert result.removed == 4
    now = state_of(home.claude)
    assert {k: v for k, v in now.items() if b"one" in k} == {k: v for k, v in expected.items() if b"one" in k}
    assert {k: v for k, v in now.items() if b"two" in k or b"settings" in k} == others


def test_in_place_saves_what_it_replaces_first(home, snap, repo, line):
    home.write("one")
    first = snap(home).commits[0][1]
    home.append("one", line(6))
    unsaved = home.transcript("one").read_bytes()
    home.append("one")
    home.write("two")
    head = repo.resolve(home.ref("one")).id
    result = repo.plan_checkout(first.hex()).execute()
    _, op = repo.find_op(result.safety.hex())
    (change,) = op.changes
    assert (change.ref, change.old) == (home.ref("one"), head)
    assert result.safety_commit == change.new
    assert repo.resolve(home.ref("one")).id == head
    key = f"projects/{home.project}/one.jsonl"
    assert repo.view(change.new.hex()).read(key) == unsaved
    assert len(home.transcript("one").read_bytes()) < len(unsaved)
    repo.gc()
    assert repo.view(change.new.hex()).read(key) == unsaved


def test_in_place_does_nothing_when_all_is_as_it_was(home, snap, repo, place, stored_files):
    home.write("one")
    snap(home)
    before = stored_files(place)
    plan = repo.plan_checkout(home.ref("one"))
    assert plan.is_empty
    result = plan.execute()
    assert (result.files, result.removed, result.safety) == (0, 0, None)
    assert stored_files(place) == before


def test_in_place_brings_back_a_session_that_was_deleted(home, snap, repo, state_of):
    home.write("one")
    home.add(f"projects/{home.project}/one/tool-results/t.txt", b"1")
    snap(home)
    expected = state_of(home.claude)
    for path in (home.transcript("one"), home.claude / f"projects/{home.project}/one/tool-results/t.txt"):
        path.unlink()
    repo.plan_checkout(home.ref("one")).execute()
    now = state_of(home.claude)
    assert {k: v for k, v in now.items() if b"one" in k} == {k: v for k, v in expected.items() if b"one" in k}


def test_in_place_turns_a_file_back_into_a_folder(folder, snap, repo, folder_target, state_of):
    (folder / "thing").mkdir()
    (folder / "thing" / "x").write_bytes(b"1")
    ref = snap(folder_target(folder)).commits[0][0]
    expected = state_of(folder)
    (folder / "thing" / "x").unlink()
    (folder / "thing").rmdir()
    (folder / "thing").write_bytes(b"now a file")
    snap(folder_target(folder))
    repo.plan_checkout(ref + "~1").execute()
    assert state_of(folder) == expected


def test_in_place_turns_a_link_back_into_a_folder_without_following_it(
    folder, snap, repo, folder_target, state_of, tmp_path
):
    (folder / "thing").mkdir()
    (folder / "thing" / "x").write_bytes(b"1")
    ref = snap(folder_target(folder)).commits[0][0]
    expected = state_of(folder)
    (folder / "thing").rename(tmp_path / "outside")
    (folder / "thing").symlink_to(tmp_path / "outside")
    (tmp_path / "outside" / "x").write_bytes(b"2")
    repo.plan_checkout(ref).execute()
    assert state_of(folder) == expected
    assert (tmp_path / "outside" / "x").read_bytes() == b"2"


def test_in_place_turns_a_folder_back_into_a_file(folder, snap, repo, folder_target, state_of):
    (folder / "thing").write_bytes(b"a file")
    ref = snap(folder_target(folder)).commits[0][0]
    expected = state_of(folder)
    (folder / "thing").unlink()
    (folder / "thing" / "deep").mkdir(parents=True)
    (folder / "thing" / "deep" / "x").write_bytes(b"1")
    result = repo.plan_checkout(ref).execute()
    assert state_of(folder) == expected
    assert repo.view(result.safety_commit.hex()).read("thing/deep/x") == b"1"


def test_in_place_brings_the_modes_of_folders_back(folder, snap, repo, folder_target, state_of):
    (folder / "deep").chmod(0o750)
    ref = snap(folder_target(folder)).commits[0][0]
    expected = state_of(folder)
    (folder / "deep").chmod(0o700)
    (folder / "a").write_bytes(b"other")
    repo.plan_checkout(ref).execute()
    assert state_of(folder) == expected


def test_a_fork_is_restored_over_its_original_only_after_that_was_saved(home, snap, repo, line):
    home.write("one")
    first = snap(home).commits[0][1]
    repo.fork(first.hex(), "experiments/mine")
    home.append("one", line(6))
    unsaved = home.transcript("one").read_bytes()
    stale = home.add("file-history/one/x@v1", b"4")
    result = repo.plan_checkout("experiments/mine").execute()
    assert repo.view(result.safety_commit.hex()).read(f"projects/{home.project}/one.jsonl") == unsaved
    assert not stale.exists()


# -- all contexts


@pytest.fixture
def clock():
    return [1_800_000_000 * 10**9]


@pytest.fixture
def timed(tmp_path, clock):
    environment = Environment(lambda: clock[0], os.urandom, real_environment().author)
    with ctxstore.init(tmp_path / "timed", environment=environment) as repo:
        yield repo


def test_all_contexts_are_laid_out_as_a_home_at_any_time(home, timed, clock, line, tmp_path, state_of):
    states = []
    for number in range(3):
        home.write(f"s{number}")
        home.append("s0", line(6 + number))
        timed.snapshot([home.target])
        states.append((clock[0], state_of(home.path)))
        clock[0] += 60 * 10**9
    for number, (time, expected) in enumerate(states):
        to = tmp_path / str(number)
        timed.plan_checkout_all(str(to), at=f"@{time}").execute()
        found = state_of(to)
        assert found.keys() == expected.keys()
        assert {k: v for k, v in found.items() if v[0] == "file"} == {
            k: v for k, v in expected.items() if v[0] == "file"
        }
    timed.plan_checkout_all(str(tmp_path / "now")).execute()
    assert state_of(tmp_path / "now").keys() == states[-1][1].keys()
    with pytest.raises(NotFound):
        timed.plan_checkout_all(str(tmp_path / "never"), at=f"@{states[0][0] - 1}")
    with pytest.raises(InvalidInput):
        timed.plan_checkout_all(str(tmp_path / "never"), at="whenever")


def test_all_contexts_with_a_fork_among_them_are_laid_out_as_the_original_is(home, snap, repo, line, tmp_path):
    home.write("one")
    first = snap(home).commits[0][1]
    home.append("one", line(6))
    snap(home)
    repo.fork(first.hex(), "zzz/fork")
    repo.plan_checkout_all(str(tmp_path / "back")).execute()
    made = tmp_path / "back" / ".claude" / "projects" / home.project / "one.jsonl"
    assert made.read_bytes() == home.transcript("one").read_bytes()
    assert (tmp_path / "back" / "zzz" / "fork" / "projects" / home.project / "one.jsonl").exists()


def test_all_contexts_of_a_repository_without_files_is_refused(repo, tmp_path):
    with pytest.raises(NotFound):
        repo.plan_checkout_all(str(tmp_path / "back"))


def test_a_label_that_leads_out_of_the_target_is_refused(home, repo, tmp_path):
    home.write("one")
    repo.snapshot([Target(ClaudeCode(), SourceHome("claude-code", str(home.claude), "../../escape"))])
    with pytest.raises(Corrupt):
        repo.plan_checkout_all(str(tmp_path / "x" / "back"))
    assert not (tmp_path / "escape").exists()
    assert not (tmp_path / "x").exists()


def test_a_file_saved_by_its_path_goes_back_to_where_it_was(tmp_path, monkeypatch):
    home = tmp_path / "home"
    (home / "notes").mkdir(parents=True)
    file = home / "notes" / "plan.txt"
    file.write_text("first")
    environ = {"HOME": str(home)}
    with ctxstore.init(tmp_path / "store") as repo:
        target = Target(Directory(), Directory().home_at(str(file), environ))
        ((_, first),) = repo.snapshot([target]).commits
        file.write_text("second, and longer")
        repo.snapshot([target])
        repo.plan_checkout(first.hex()).execute()
        assert file.read_text() == "first"
        repo.plan_checkout_all(str(tmp_path / "all")).execute()
    assert (tmp_path / "all/notes/plan.txt").read_text() == "second, and longer"


def test_one_damaged_context_or_file_keeps_no_other_from_being_brought_back(tmp_path):
    repo, lost = ctxstore.init(tmp_path / "store"), {}
    for name in ("whole", "no tree", "no content"):
        before = set((tmp_path / "store" / "packs").iterdir())
        draft = repo.edit(f"chat/{name.replace(' ', '-')}")
        draft.files.put("big", random.Random(name).randbytes(40_000))
        draft.files.put("small", name.encode())
        draft.commit()
        (lost[name],) = set((tmp_path / "store" / "packs").iterdir()) - before
    repo.close()
    lost["no tree"].unlink()
    data = bytearray(lost["no content"].read_bytes())
    data[5000] ^= 1  # in the frame of both files
    lost["no content"].write_bytes(data)
    with ctxstore.open(tmp_path / "store") as repo:
        plan = repo.plan_checkout_all(str(tmp_path / "back"))
        assert [each.what for each in plan.unreadable] == ["chat/no-tree"]
        result = plan.execute()
        assert repo.stats().contexts == 2
    assert [each.what for each in result.unreadable] == ["chat/no-tree", "chat/no-content/big", "chat/no-content/small"]
    assert (tmp_path / "back/chat/whole/big").read_bytes() == random.Random("whole").randbytes(40_000)
    assert list((tmp_path / "back/chat").rglob("*")) != [] and not list((tmp_path / "back/chat/no-content").glob("*"))
    assert (result.files, result.bytes) == (2, 40_005)
