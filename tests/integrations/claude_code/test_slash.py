"""The `ctx` commands that the plugins' slash commands run, for any arguments, and what a person sees of them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ctxstore
from ctxstore.errors import InvalidInput, NotFound
from ctxstore.integrations.claude_code.slash import COMMANDS, MAX_CHARACTERS
from ctxstore.integrations.claude_code.slash_arguments import Arguments, Word, split_words
from tests.integrations.agent_home import AgentHome

ID, OTHER = "11111111-aaaa-4bbb-8ccc-000000000001", "22222222-aaaa-4bbb-8ccc-000000000002"
TWIN = "22222222-bbbb-4bbb-8ccc-000000000003"
HERE, THERE = f"claude-code/-work-engine/{ID}", f"claude-code/-work-engine/{OTHER}"
FLOWLOOM = "flowloom/engine/session_12345_1640995200_abc123"
SESSIONS = [HERE, THERE, f"claude-code/-work-engine/{TWIN}", FLOWLOOM]
BACKUP = "abcdef12" * 8


class Store:
    """Two sessions of Claude Code and one of FlowLoom, each with one backup."""

    def find_sessions(self, start: str) -> list[str]:
        return [name for name in SESSIONS if name.rpartition("/")[2].startswith(start)]

    def find_backup(self, session: str, start: str) -> str:
        if not BACKUP.startswith(start):
            raise InvalidInput(f"{start!r} is no backup")
        return BACKUP


def line_of(line: str, current: str = HERE) -> list[str]:
    """Returns the command line that a slash command runs."""
    command, _, args = line.partition(" ")
    store: Any = Store()
    return COMMANDS[command](Arguments(split_words(args, MAX_CHARACTERS), current, store.find_sessions), store)


SAVED = "--always --verify --policy session-backup --kind"


@pytest.mark.parametrize(
    ("line", "runs"),
    [
        ("session:backup", f"snapshot claude-code --session {HERE} {SAVED} incremental"),
        ("session:backup current", f"snapshot claude-code --session {HERE} {SAVED} incremental"),
        ("session:backup incremental", f"snapshot claude-code --session {HERE} {SAVED} incremental"),
        ("session:backup full", f"snapshot claude-code --session {HERE} {SAVED} full"),
        ("session:backup full a note", f"snapshot claude-code --session {HERE} {SAVED} full|--note=a note"),
        ('session:backup "a note"', f"snapshot claude-code --session {HERE} {SAVED} incremental|--note=a note"),
        (
            'session:backup current incremental "Before refactoring"',
            f"snapshot claude-code --session {HERE} {SAVED} incremental|--note=Before refactoring",
        ),
        (
            'session:backup session_12345_1640995200_abc123 full "Major milestone backup"',
            f"snapshot flowloom --session {FLOWLOOM} {SAVED} full|--note=Major milestone backup",
        ),
        ("session:backup full “curly”", f"snapshot claude-code --session {HERE} {SAVED} full|--note=curly"),
        ('session:backup full "a \\"b\\" \\\\"', f'snapshot claude-code --session {HERE} {SAVED} full|--note=a "b" \\'),
        (f"session:backup {OTHER} full", f"snapshot claude-code --session {THERE} {SAVED} full"),
        (
            'session:backup 22222222-a "--json"',
            f"snapshot claude-code --session {THERE} {SAVED} incremental|--note=--json",
        ),
        ("session:recover", f"checkout {HERE} --as-new-session --yes"),
        (f"session:recover {OTHER}", f"checkout {THERE} --as-new-session --yes"),
        (f"session:recover {OTHER} abcdef12", f"checkout {BACKUP} --as-new-session --yes"),
        ("session:recover abcdef12", f"checkout {BACKUP} --as-new-session --yes"),
        ("session:recover current abcdef12", f"checkout {BACKUP} --as-new-session --yes"),
        ("session:list-backups", f"log {HERE} -n 30"),
        ("session:list-backups current", f"log {HERE} -n 30"),
        ("session:cleanup", f"forget {HERE} --policy session-backup"),
        ("session:cleanup current", f"forget {HERE} --policy session-backup"),
        ("session:cleanup dry-run", f"forget {HERE} --policy session-backup --dry-run"),
        (f"session:cleanup {OTHER} --dry-run", f"forget {THERE} --policy session-backup --dry-run"),
        ("ctx:log", f"log {HERE} -n 30"),
        ("ctx:log tag:good", "log tag:good -n 30"),
        ("ctx:diff", f"diff {HERE}"),
        ("ctx:diff a~1 a", "diff a~1 a"),
    ],
)
def test_a_command_runs(line: str, runs: str) -> None:
    assert line_of(line) == [word for part in runs.split("|") for word in whole(part)]


def whole(part: str) -> list[str]:
    return [part] if part.startswith("--note") else part.split()


@pytest.mark.parametrize(
    "line",
    [
        *(f"session:cleanup {words}" for words in ("dryrun", "dry_run", "dry run", "preview", "--help", "all", "*")),
        *(f"session:cleanup {words}" for words in ("1111111", "22222222", "this session", '"dry-run"', "full")),
        *(f"session:backup {words}" for words in ("session_1_2_3 full x", "beef", "--json", "Full", "full --help")),
        *(f"session:backup {words}" for words in ("deadbeef", "22222222", 'full "a note" more', 'current note "a"')),
        *(f"session:recover {words}" for words in ("session_12345 backup_7", "current backup_7", "--repo", "deadbeef")),
        *(f"session:recover {words}" for words in ("current abcdef12 more", "abcde", "latest")),
        *(f"session:list-backups {words}" for words in ("-n 5", "all", "current more")),
        *(f"ctx:log {words}" for words in ("--repo /x", "a b")),
        "ctx:diff a b c",
    ],
)
def test_a_word_that_a_command_does_not_take_is_refused(line: str) -> None:
    with pytest.raises((InvalidInput, NotFound)) as refused:
        line_of(line)
    assert "'" in refused.value.message  # it names the word


def test_a_session_outside_of_its_usual_place_is_looked_up() -> None:
    assert line_of("session:cleanup", OTHER)[1] == THERE
    for current in ("", "99999999-aaaa-4bbb-8ccc-000000000009"):
        with pytest.raises((InvalidInput, NotFound)):
            line_of("session:cleanup", current)


@settings(deadline=None)
@given(st.text() | st.none() | st.integers(), st.sampled_from(sorted(COMMANDS)))
def test_nothing_that_is_written_becomes_an_option(args: Any, command: str) -> None:
    store: Any = Store()
    arguments = Arguments(split_words(args, MAX_CHARACTERS), HERE, store.find_sessions)
    try:
        words = COMMANDS[command](arguments, store)
    except (InvalidInput, NotFound):
        return
    known = {"--session", "--always", "--verify", "--kind", "--as-new-session", "--yes", "-n", "--policy", "--dry-run"}
    assert {word for word in words if word.startswith("-") and not word.startswith("--note=")} <= known
    assert all(word.encode() and "\0" not in word for word in words)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters='\0"\\'), min_size=1)))
def test_quoted_words_come_back_as_they_are(texts: list[str]) -> None:
    line = " ".join(f'"{text}"' for text in texts)
    assert split_words(line, 1 << 20) == [Word(text, True) for text in texts]


def answer(agents: AgentHome, command: str, args: str, session: str = ID) -> str:
    """Runs a slash command by its hook and returns the report."""
    payload = agents.payload(session, "UserPromptExpansion", command_name=command, command_args=args)
    done = agents.run("hook", "claude-code", "UserPromptExpansion", input=payload)
    assert (done.returncode, done.stderr) == (0, b"")
    output = json.loads(done.stdout)
    assert output.keys() == {"decision", "reason"} and output["decision"] == "block"
    return str(output["reason"])


def test_a_backup_is_verified_and_reports_itself_and_its_retention(agents: AgentHome) -> None:
    path = agents.says(ID, "one")
    notes = path.parent / ID / "subagents/agent-a.jsonl"
    notes.parent.mkdir(parents=True)
    notes.write_text("{}\n")
    report = answer(agents, "session:backup", 'full "Major milestone"')
    with ctxstore.open(agents.repo) as repo:
        id, commit = repo.resolve(HERE)[1:]
    assert (commit.kind, commit.note) == ("full", "Major milestone")
    for word in (HERE, id.hex(), "full", "Major milestone", str(agents.repo), path.name, "agent-a.jsonl"):
        assert word in report, report
    size = path.stat().st_size + 3
    assert f"2 files read back, {size} bytes, 2 JSON values" in report
    assert "session-backup: last 10, nothing older than 30d" in report
    report = answer(agents, "session:backup", "")
    with ctxstore.open(agents.repo) as repo:
        assert repo.resolve(HERE).commit.kind == "incremental"


def test_backups_stay_beside_automatic_saves_and_other_sessions_are_left_alone(agents: AgentHome) -> None:
    agents.says(ID, "one")
    agents.says(OTHER, "one")
    answer(agents, "session:backup", 'full "milestone"')
    for number in range(12):
        agents.says(ID, f"turn {number}")
        agents.says(OTHER, f"turn {number}")
        assert agents.run("snapshot").returncode == 0
    assert "Would forget" in answer(agents, "session:cleanup", "dry-run")
    assert "Forgot" in answer(agents, "session:cleanup", "")
    with ctxstore.open(agents.repo) as repo:
        forgotten = repo.forgotten()
        kept = [stored.commit.note for stored in repo.log(HERE) if stored.id not in forgotten]
        assert kept == [""] * 10 + ["milestone"]
        assert not any(stored.id in forgotten for stored in repo.log(OTHER))


def test_an_unknown_session_changes_nothing(agents: AgentHome) -> None:
    agents.says(ID, "one")
    agents.hook(ID, "PreCompact")
    with ctxstore.open(agents.repo) as repo:
        before = [id for id, *_ in repo.ops()]
    for command, args in (
        ("session:backup", 'session_12345_1640995200_abc123 full "Major milestone backup"'),
        ("session:recover", "session_12345 backup_7"),
        ("session:cleanup", "dryrun"),
        ("session:recover", "current abcdef123456"),
    ):
        report = answer(agents, command, args)
        assert report.startswith("error: ") and report.endswith("Nothing was done.")
    with ctxstore.open(agents.repo) as repo:
        assert [id for id, *_ in repo.ops()] == before


def test_a_backup_is_recovered_by_its_id_as_a_new_session(agents: AgentHome) -> None:
    path = agents.says(ID, "one")
    answer(agents, "session:backup", "")
    with ctxstore.open(agents.repo) as repo:
        first = repo.resolve(HERE).id.hex()
    agents.says(ID, "two")
    answer(agents, "session:backup", "")
    report = answer(agents, "session:recover", f"{ID[:8]} {first[:8]}")
    assert "claude --resume" in report, report
    (new,) = set(path.parent.glob("*.jsonl")) - {path}
    assert "one" in new.read_text() and "two" not in new.read_text()
    assert path.read_text().count("\n") == 2


def test_a_report_is_not_longer_than_a_person_reads(agents: AgentHome) -> None:
    agents.says(ID, "x" * 40_000)
    agents.hook(ID, "PreCompact")
    agents.says(ID, "y" * 90_000)
    agents.hook(ID, "PreCompact")
    assert len(answer(agents, "ctx:diff", "")) < MAX_CHARACTERS + 200


@pytest.mark.parametrize("said", [{}, {"command_name": "other:x"}, {"command_name": 7}, []])
def test_other_commands_are_not_answered(agents: AgentHome, said: Any) -> None:
    done = agents.run("hook", "claude-code", "UserPromptExpansion", input=json.dumps(said).encode())
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
