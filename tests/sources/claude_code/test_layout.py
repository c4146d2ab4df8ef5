"""The contexts of Claude Code and their files."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxstore.sources.claude_code import ClaudeCode
from ctxstore.sources.protocol import FoundContext, FoundFile, Skipped, SourceHome
from tests.sources.homes.claude_code import make

SESSION = "6f1c2a34-0000-4000-8000-00000000000a"
GONE = "6f1c2a34-0000-4000-8000-00000000000b"
P = "-home-ada-engine"


def contexts(home: Path) -> dict[str, dict[str, FoundFile]]:
    return {context.name: {file.key: file for file in context.files} for context in look(home)[0]}


def look(home: Path) -> tuple[list[FoundContext], list[Skipped]]:
    source, skipped = ClaudeCode(), list[Skipped]()
    (root,) = source.discover({"HOME": str(home)})
    return list(source.contexts(root, skipped.append)), skipped


def test_every_session_is_a_context_and_so_are_memory_and_home(claude_home: Path) -> None:
    assert list(contexts(claude_home)) == [
        "claude-code/home",
        f"claude-code/{P}/{SESSION}",
        f"claude-code/{P}/{GONE}",
        f"claude-code/{P}/agent-old2",
        f"claude-code/{P}/memory",
    ]


def test_a_session_has_all_that_belongs_to_it_and_its_folders(claude_home: Path) -> None:
    files = contexts(claude_home)[f"claude-code/{P}/{SESSION}"]
    assert {key: file.state for key, file in files.items()} == {
        f"file-history/{SESSION}": False,
        f"file-history/{SESSION}/abc@v1": False,
        f"projects/{P}/{SESSION}": False,
        f"projects/{P}/{SESSION}.jsonl": True,
        f"projects/{P}/{SESSION}/subagents": False,
        f"projects/{P}/{SESSION}/subagents/agent-1.jsonl": False,
        f"projects/{P}/{SESSION}/tool-results": False,
        f"projects/{P}/{SESSION}/tool-results/t1.txt": False,
        f"projects/{P}/agent-old1.jsonl": False,
        f"tasks/{SESSION}": True,
        f"tasks/{SESSION}/1.json": True,
        f"todos/{SESSION}-agent-{SESSION}.json": True,
    }


def test_a_session_whose_transcript_has_vanished_is_still_a_context(claude_home: Path) -> None:
    assert f"projects/{P}/{GONE}/tool-results/t2.txt" in contexts(claude_home)[f"claude-code/{P}/{GONE}"]


def test_a_subagent_of_nobody_known_is_its_own_context(claude_home: Path) -> None:
    files = contexts(claude_home)[f"claude-code/{P}/agent-old2"]
    assert {key: file.state for key, file in files.items()} == {f"projects/{P}/agent-old2.jsonl": True}


@pytest.mark.parametrize("session", ["../../etc", "a/b", "", 7, "x\ny", "é"])
def test_a_subagents_session_that_is_no_name_is_not_believed(claude_home: Path, session: object) -> None:
    path = claude_home / f".claude/projects/{P}/agent-old1.jsonl"
    path.write_text(json.dumps({"sessionId": session}, separators=(",", ":"), ensure_ascii=False))
    assert f"claude-code/{P}/agent-old1" in contexts(claude_home)


def test_memory_and_home_are_state(claude_home: Path) -> None:
    found = contexts(claude_home)
    assert set(found[f"claude-code/{P}/memory"]) == {f"projects/{P}/memory", f"projects/{P}/memory/MEMORY.md"}
    assert set(found["claude-code/home"]) == {
        "CLAUDE.md",
        "agent-memory",
        "agent-memory/reviewer",
        "agent-memory/reviewer/MEMORY.md",
        "agents",
        "agents/reviewer.md",
        "history.jsonl",
        "plugins/installed_plugins.json",
        f"projects/{P}/notes.txt",
        f"projects/{P}/sessions-index.json",
        "settings.json",
        "teams",
        "teams/crew",
        "teams/crew/inboxes",
        "teams/crew/inboxes/b.json",
        "todos/unknown-agent-unknown.json",
    }
    for name in (f"claude-code/{P}/memory", "claude-code/home"):
        assert all(file.state for file in found[name].values())


NAMES = st.text(st.sampled_from("ab-.é \udcff"), min_size=1, max_size=8).filter(lambda name: name.strip("."))
FOLDERS = ("", "projects", f"projects/{P}", f"projects/{P}/{SESSION}", f"projects/{P}/memory", "file-history", "tasks")


@settings(max_examples=60, deadline=None)
@given(places=st.sets(st.tuples(st.sampled_from(FOLDERS), NAMES, st.booleans()), max_size=6))
def test_whatever_lies_among_the_sessions_is_saved_or_reported(places: set[tuple[str, str, bool]]) -> None:
    with tempfile.TemporaryDirectory() as place:
        make(Path(place))
        home = os.path.join(place, ".claude")
        added = set()
        for folder, name, in_folder in places:
            path = os.path.join(home, folder, name)
            if os.path.lexists(path):
                continue
            if in_folder:
                os.makedirs(path)
                path = os.path.join(path, "deep")
            Path(path).write_bytes(b"words")
            added.add(path)
        found, skipped = look(Path(place))
        saved = {file.path for context in found for file in context.files}
        reported = tuple(each.path for each in skipped)
        hidden = {path for path in added if os.path.relpath(path, home).startswith(".")}
        assert all(path in saved or path.startswith(reported) for path in added - hidden)


def test_an_unknown_entry_of_the_home_is_reported_and_a_known_cache_is_not(claude_home: Path) -> None:
    for name in ("debug", "ideas"):
        (claude_home / ".claude" / name).mkdir()
    reported = [os.path.basename(skipped.path) for skipped in look(claude_home)[1]]
    assert "ideas" in reported and "debug" not in reported


def test_a_link_to_content_elsewhere_is_reported_and_one_within_the_home_is_not(claude_home: Path) -> None:
    home = claude_home / ".claude"
    (claude_home / "dotfiles/memory").mkdir(parents=True)
    (claude_home / "dotfiles/style.md").write_text("always tabs")
    (home / "projects/-linked").mkdir()
    (home / "projects/-linked/memory").symlink_to(claude_home / "dotfiles/memory")
    (home / "agents/style.md").symlink_to(claude_home / "dotfiles/style.md")
    (home / "agents/same.md").symlink_to("reviewer.md")
    (home / "agents/dangling.md").symlink_to("nowhere")
    reported = {skipped.path: skipped.reason for skipped in look(claude_home)[1] if "link" in skipped.reason}
    assert set(reported) == {str(home / "projects/-linked/memory"), str(home / "agents/style.md")}
    assert str(claude_home / "dotfiles/style.md") in reported[str(home / "agents/style.md")]


def test_a_plugin_file_with_a_password_in_a_url_is_left_out_and_reported(claude_home: Path) -> None:
    reported = [os.path.basename(skipped.path) for skipped in look(claude_home)[1]]
    assert reported == ["known_marketplaces.json"]


def test_a_plugin_file_that_is_large_is_left_out(claude_home: Path) -> None:
    (claude_home / ".claude/plugins/installed_plugins.json").write_text(" " * 100_000)
    assert "plugins/installed_plugins.json" not in contexts(claude_home)["claude-code/home"]


def test_modes_of_folders_and_symlinks_survive(claude_home: Path) -> None:
    skills = claude_home / ".claude/skills"
    (skills / "empty").mkdir(parents=True, mode=0o750)
    (skills / "linked").symlink_to("elsewhere")
    home = contexts(claude_home)["claude-code/home"]
    assert {"skills", "skills/empty", "skills/linked"} <= set(home)
    assert home["skills/empty"].stat.st_mode & 0o777 == os.lstat(skills / "empty").st_mode & 0o777


def test_a_session_kept_in_two_projects_has_its_history_in_both(claude_home: Path) -> None:
    other = claude_home / ".claude/projects/-other"
    other.mkdir()
    (other / f"{SESSION}.jsonl").write_text("{}\n")
    found = contexts(claude_home)
    for project in (P, "-other"):
        assert f"file-history/{SESSION}/abc@v1" in found[f"claude-code/{project}/{SESSION}"]


def test_the_folder_can_be_set_by_the_environment(claude_home: Path) -> None:
    os.rename(claude_home / ".claude", claude_home / "config")
    source = ClaudeCode()
    environ = {"HOME": str(claude_home), "CLAUDE_CONFIG_DIR": str(claude_home / "config")}
    assert [root.label for root in source.discover(environ)] == ["config"]
    (outside,) = source.discover({**environ, "HOME": "/home/ada"})
    assert outside.label == str(claude_home / "config").lstrip("/")
    assert source.discover({"HOME": str(claude_home)}) == []


def test_a_symlinked_folder_of_projects_is_listed(claude_home: Path) -> None:
    os.rename(claude_home / ".claude/projects", claude_home / "elsewhere")
    (claude_home / ".claude/projects").symlink_to(claude_home / "elsewhere")
    assert f"claude-code/{P}/{SESSION}" in contexts(claude_home)


def test_a_folder_that_cannot_be_listed_is_reported(claude_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scandir = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("todos"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    found, skipped = look(claude_home)
    assert len(found) == 5
    assert Skipped(str(claude_home / ".claude/todos"), "Permission denied") in skipped


def test_the_transcript_is_named_only_if_it_is_there() -> None:
    source, key = ClaudeCode(), f"projects/{P}/{SESSION}.jsonl"
    assert source.transcript(f"claude-code/{P}/{SESSION}", ["a", key]) == key
    assert source.transcript(f"claude-code/{P}/{SESSION}", ["a"]) is None
    assert source.transcript(f"claude-code/{P}/memory", [f"projects/{P}/memory.jsonl"]) is None
    assert source.transcript("claude-code/home", ["history.jsonl"]) is None


def test_memories_are_known_by_their_keys() -> None:
    source = ClaudeCode()
    assert source.is_memory("CLAUDE.md") and source.is_memory(f"projects/{P}/memory/deep/a.md")
    assert source.is_memory("agent-memory/reviewer/MEMORY.md")
    for key in (
        "settings.json",
        f"projects/{P}/memory",
        f"projects/{P}/{SESSION}/memory/a.md",
        "x/CLAUDE.md",
    ):
        assert not source.is_memory(key)


def test_a_second_home_has_memories_and_settings_of_its_own(tmp_path):
    names = []
    for label in (".claude", "other/place"):
        home = tmp_path / label
        (home / "projects/-p/memory").mkdir(parents=True)
        (home / "projects/-p/memory/notes.md").write_text("x")
        (home / "settings.json").write_text("{}")
        root = SourceHome("claude-code", str(home), label)
        found = list(ClaudeCode().contexts(root, lambda skipped: None))
        names.append({context.name for context in found})
        for context in found:
            again = ClaudeCode().find_context(root, context.name, lambda skipped: None)
            # Listing a folder may have changed the time of its last access.
            assert again is not None and _without_stat(again) == _without_stat(context)
            assert ClaudeCode().transcript(context.name, [file.key for file in context.files]) is None
    assert names[0] == {"claude-code/home", "claude-code/-p/memory"}
    assert not names[0] & names[1]


def _without_stat(context):
    return context._replace(files=[file._replace(stat=None) for file in context.files])
