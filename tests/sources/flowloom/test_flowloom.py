"""A project's sessions as contexts. An incremental snapshot saves the state."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ctxstore.sources.flowloom import FlowLoom
from ctxstore.sources.protocol import Attributes, SourceHome
from tests.sources.homes import flowloom
from tests.sources.homes.flowloom import METADATA, SESSION
from tests.sources.homes.home_files import write

KEY = f".flowloom/sessions/{SESSION}/metadata.json"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    flowloom.make(tmp_path / "engine")
    return tmp_path / "engine"


def contexts(project: Path) -> dict[str, dict[str, bool]]:
    found = FlowLoom().contexts(SourceHome("flowloom", str(project), "engine"), lambda _: None)
    return {each.name.rpartition("/")[2]: {file.key: file.state for file in each.files} for each in found}


def scan(data: bytes) -> Attributes:
    scanner = FlowLoom().scanner(f"flowloom/p/{SESSION}", KEY)
    assert scanner is not None
    for at in range(0, len(data), 7):
        scanner.feed(data[at : at + 7])
    return scanner.finish()


def test_sessions_and_what_they_share_are_contexts(project: Path) -> None:
    assert list(contexts(project)) == ["index", SESSION, "two"]
    assert {key for key, state in contexts(project)["index"].items() if state} == {".flowloom/sessions/index.json"}


def test_only_metadata_state_and_todos_are_state(project: Path) -> None:
    files = contexts(project)[SESSION]
    of_session = {key for key, state in files.items() if state and "." in key.rpartition("/")[2]}
    assert of_session == {f".flowloom/sessions/{SESSION}/{name}.json" for name in ("metadata", "state", "todo")}
    rest = {"artifacts/plan.md", "logs/session.log", "backups/state.json"}
    assert all(files[f".flowloom/sessions/{SESSION}/{name}"] is False for name in rest)
    assert files[f".flowloom/backups/{SESSION}/backup_1.manifest"] is False


def test_worktrees_and_the_project_itself_stay_out(project: Path) -> None:
    assert not [key for files in contexts(project).values() for key in files if key.endswith(".py")]


def test_names_that_contexts_can_not_have_are_told_apart(project: Path) -> None:
    sessions = project / ".flowloom/sessions"
    write(sessions, {f"{name}/state.json": "{}" for name in ("a b", "a~b", "index", "session-")})
    names = set(contexts(project))
    assert len(names) == 7 and all(set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789_.-") for name in names)


def test_the_metadata_say_what_a_session_is() -> None:
    data = json.dumps(METADATA).encode()
    assert scan(data) == Attributes("Oil the wheels", "FlowLoom", None, "/home/ada/engine", 0)
    (message,) = FlowLoom().messages([data[:9], data[9:]])
    assert (message.role, message.id, message.raw, message.time) == ("meta", SESSION, data, "2026-01-01T10:00:00Z")
    assert (message.parts[0].text, message.parts[0].data) == ("Oil the wheels", METADATA)


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'"x"', b"\xff\x00", b'{"purpose":7}', b"{}" * (1 << 20)])
def test_metadata_that_say_nothing_are_kept(data: bytes) -> None:
    found = scan(data) if len(data) < 100 else Attributes(agent="FlowLoom")
    assert (found.title, found.project, found.agent) == (None, None, "FlowLoom")
    assert b"".join(message.raw for message in FlowLoom().messages([data] if data else [])) == data


def test_the_project_is_the_one_worked_in(project: Path) -> None:
    environ = {"PWD": str(project / ".flowloom"), "HOME": str(project.parent)}
    assert [root.path for root in FlowLoom().discover(environ)] == [str(project)]
