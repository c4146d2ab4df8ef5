"""The files in Copilot's home, and the context of each."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ctxstore.sources.copilot import Copilot
from ctxstore.sources.protocol import FoundContext, Skipped, SourceHome
from tests.sources.homes import copilot
from tests.sources.homes.copilot import CONTEXT, FOLDER, OLD, SESSION


@pytest.fixture
def root(tmp_path: Path) -> SourceHome:
    copilot.make(tmp_path)
    return Copilot().discover({"HOME": str(tmp_path)})[0]


def listed(root: SourceHome, reports: list[Skipped] | None = None) -> dict[str, FoundContext]:
    report = reports.append if reports is not None else lambda _: None
    return {context.name: context for context in Copilot().contexts(root, report)}


def test_a_session_has_its_folder_without_locks(root: SourceHome) -> None:
    found = {file.key: file.state for file in listed(root)[CONTEXT].files}
    assert found == {
        FOLDER: True,
        f"{FOLDER}/checkpoints": True,
        f"{FOLDER}/checkpoints/index.md": True,
        f"{FOLDER}/events.jsonl": True,
        f"{FOLDER}/files": False,
        f"{FOLDER}/files/wheel.txt": False,
        f"{FOLDER}/plan.md": True,
        f"{FOLDER}/session.db": True,
        f"{FOLDER}/workspace.yaml": True,
    }
    assert list(listed(root)) == ["copilot/home", CONTEXT, f"copilot/sessions/{OLD}", "copilot/sessions/9f2e"]


def test_a_session_of_an_old_version_is_a_file_and_keeps_its_name_when_it_becomes_a_folder(root: SourceHome) -> None:
    name = f"copilot/sessions/{OLD}"
    file = f"session-state/{OLD}.jsonl"
    assert [each.key for each in listed(root)[name].files] == [file]
    assert Copilot().transcript(name, [file]) == file
    Path(root.path, f"session-state/{OLD}").mkdir()
    Path(root.path, f"session-state/{OLD}/events.jsonl").write_text("{}\n")
    keys = [each.key for each in listed(root)[name].files]
    assert Copilot().transcript(name, keys) == f"session-state/{OLD}/events.jsonl"


def test_a_session_that_is_a_link_is_kept_as_one(root: SourceHome) -> None:
    os.symlink("/elsewhere", os.path.join(root.path, "session-state/linked"))
    assert [file.key for file in listed(root)["copilot/sessions/linked"].files] == ["session-state/linked"]
    assert Copilot().transcript("copilot/sessions/linked", ["session-state/linked"]) is None


def test_the_database_of_a_session_is_copied_as_a_whole(root: SourceHome, tmp_path: Path) -> None:
    (file,) = (each for each in listed(root)[CONTEXT].files if each.key.endswith("session.db"))
    with closing(sqlite3.connect(file.path)) as database, database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("INSERT INTO todos VALUES ('oil')")
        database.commit()
        assert file.content is not None
        (tmp_path / "copy").write_bytes(b"".join(file.content()))
    with closing(sqlite3.connect(tmp_path / "copy")) as copy:
        assert copy.execute("SELECT id FROM todos").fetchall() == [("oil",)]


def test_a_database_that_is_none_is_named_and_the_rest_goes_on(root: SourceHome) -> None:
    path = Path(root.path, FOLDER, "session.db")
    path.write_bytes(b"no database at all" * 100)
    reports: list[Skipped] = []
    found = listed(root, reports)
    assert [skipped.path for skipped in reports if "lock" not in skipped.reason] == [str(path)]
    assert f"{FOLDER}/events.jsonl" in [file.key for file in found[CONTEXT].files]


def test_the_home_has_what_the_user_made(root: SourceHome) -> None:
    keys = [f.key for f in listed(root)["copilot/home"].files if os.path.isfile(os.path.join(root.path, f.key))]
    assert keys == [
        "agents/oiler.agent.md",
        "config.json",
        "copilot-instructions.md",
        "instructions/style.instructions.md",
        "mcp-config.json",
        "settings.json",
        "skills/oil/SKILL.md",
    ]


def test_what_copilot_keeps_for_itself_is_left_out_if_it_may_hold_a_key(root: SourceHome) -> None:
    path = Path(root.path, "config.json")
    for text in ('{"copilot_tokens":{"ada":"t"}}', " " * (64 << 10) + "{}"):
        path.write_text(text)
        reports: list[Skipped] = []
        assert "config.json" not in [file.key for file in listed(root, reports)["copilot/home"].files]
        assert [(each.path, each.failed) for each in reports if "lock" not in each.reason] == [(str(path), False)]


def test_copilots_folder_is_found_where_the_variables_say(tmp_path: Path) -> None:
    for name in ("home/.copilot", "own", "config/.copilot", "state/.copilot"):
        (tmp_path / name).mkdir(parents=True)

    def paths(**environ: str) -> list[str]:
        roots = Copilot().discover({"HOME": str(tmp_path / "home"), **environ})
        return [os.path.relpath(root.path, tmp_path) for root in roots]

    assert paths() == ["home/.copilot"]
    assert paths(COPILOT_HOME=str(tmp_path / "own")) == ["own"]
    older = {"XDG_CONFIG_HOME": str(tmp_path / "config"), "XDG_STATE_HOME": str(tmp_path / "state")}
    assert paths(**older) == ["home/.copilot", "config/.copilot", "state/.copilot"]
    assert paths(XDG_STATE_HOME=str(tmp_path / "home")) == ["home/.copilot"]


def test_a_second_homes_settings_are_not_the_firsts(tmp_path: Path) -> None:
    copilot.make(tmp_path)
    os.rename(tmp_path / ".copilot", tmp_path / "second")
    (root,) = Copilot().discover({"HOME": str(tmp_path), "COPILOT_HOME": str(tmp_path / "second")})
    (home,) = (name for name in listed(root) if name.startswith("copilot/home"))
    assert home != "copilot/home" and CONTEXT in listed(root)


def test_instructions_are_memories() -> None:
    source = Copilot()
    assert source.is_memory("copilot-instructions.md") and source.is_memory("instructions/a.instructions.md")
    assert not source.is_memory("settings.json") and not source.is_memory(f"session-state/{SESSION}/plan.md")
