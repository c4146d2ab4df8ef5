"""The rule of every source: whatever lies below its folders of sessions and memories is saved, or named."""

from __future__ import annotations

import os
import re
import string
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxstore.sources import agents
from ctxstore.sources.protocol import FoundFile, Skipped, Source, SourceHome
from ctxstore.sources.registry import get_source
from tests.marks import slow_except
from tests.sources.homes import cline, copilot, opencode

FOLDERS = {
    "claude-code": [
        "projects",
        "projects/-home-ada-engine",
        "projects/-home-ada-engine/6f1c2a34-0000-4000-8000-00000000000a",
        "projects/-home-ada-engine/memory",
        *("agent-memory", "file-history", "tasks", "teams", "todos"),
    ],
    "codex": ["sessions", "sessions/2026/01/31", "archived_sessions", "memories", "generated_images"],
    "aider": [".aider/sessions", ".extn_aider/temp/context_backup", ".extn_aider/temp/context_create"],
    "cline": ["tasks", "sessions", f"tasks/{cline.TASK}"],
    "continue": ["sessions", "rules", "prompts"],
    "copilot": ["session-state", copilot.FOLDER, "history-session-state", "instructions"],
    "cursor": ["chats", "chats/hash", "projects/home-ada-engine/agent-transcripts", "rules"],
    "flowloom": [".flowloom", ".flowloom/sessions", ".flowloom/backups"],
    "gemini": ["tmp", "history", "tmp/engine", "tmp/engine/chats", "tmp/engine/logs", "memory"],
    "goose": ["sessions"],
    "opencode": ["storage", "storage/message", "storage/part", "storage/session/global", "project", "plans"],
    "roo": ["tasks"],
}
"""The folders of sessions and memories by source, below its home."""

HOMES = {"cursor": 1}
"""The home that has the folders, if it is not the first."""

IN_DATABASE = "|".join((opencode.SESSION, opencode.CHILD))
LEFT_OUT = {
    "cline": re.compile(r"(tasks|sessions)/[^/]+/checkpoints/.*"),
    "roo": re.compile(r"(tasks|sessions)/[^/]+/checkpoints/.*"),
    "gemini": re.compile(r"tmp/bin/.*"),
    "copilot": re.compile(r"session-state/\.session-operation-locks/.*"),
    "flowloom": re.compile(r"\.flowloom/worktrees/.*"),
    # The database has these sessions, with as many messages.
    "opencode": re.compile(rf"storage/(message/({IN_DATABASE})/.*|session/[^/]+/({IN_DATABASE})\.json)"),
}
"""The folders, or kinds of files, that a source leaves out by a documented rule, and reports as a whole."""

NAMES = st.text(string.ascii_letters + string.digits + "._- é", min_size=1, max_size=12)
ENDINGS = st.sampled_from(["", ".json", ".jsonl", ".jsonl.zst", ".md", ".txt", ".bak", ".db", ".lock", ".2"])


def is_name(name: str) -> bool:
    return name not in ("", ".", "..") and not name.startswith(".ctx")


def make_home(name: str, folder: Path) -> tuple[Source, SourceHome]:
    import_module(f"tests.sources.homes.{name.replace('-', '_')}").make(folder)
    source = get_source(name)
    homes = source.discover({"HOME": str(folder), "PWD": str(folder)})
    return source, homes[HOMES.get(name, 0)]


@st.composite
def extra_paths(draw: st.DrawFn, name: str) -> list[str]:
    """Draws paths of files below a source's folders: any name, or one like those that exist."""
    with TemporaryDirectory() as folder:
        _, home = make_home(name, Path(folder))
        known = sorted({entry for _, folders, files in os.walk(home.path) for entry in (*folders, *files)})
    named = st.one_of(NAMES, st.sampled_from(known))
    part = st.builds(lambda a, b: a + b, named, ENDINGS).filter(is_name)
    below = st.lists(part, min_size=1, max_size=4).map("/".join)
    places = st.builds(lambda place, path: f"{place}/{path}", st.sampled_from(FOLDERS[name]), below)
    return draw(st.lists(places, min_size=1, max_size=6))


def is_made(file: FoundFile) -> bool:
    """Whether it is a folder, or not the agent's own file."""
    return os.path.isdir(file.path) or file.content is not None


def add(path: Path) -> bool:
    """Writes a file. Returns false where another file is in the way."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "x") as file:
            file.write("extra\n")
    except (FileExistsError, NotADirectoryError):
        return False
    return True


def missing(source: Source, home: SourceHome, keys: list[str]) -> list[str]:
    """Lists those files that no context has and no report names."""
    reports: list[Skipped] = []
    saved = {file.key for context in source.contexts(home, reports.append) for file in context.files}
    named = {os.path.relpath(skipped.path, home.path) for skipped in reports}
    by_rule = LEFT_OUT.get(source.name)
    return [
        key
        for key in keys
        if key not in saved | named
        and not (by_rule and by_rule.fullmatch(key))
        and not any(key.startswith(f"{lock}/") for lock in named if lock.endswith(".lock"))
    ]


def test_every_source_is_held() -> None:
    assert FOLDERS.keys() == agents.AGENTS.keys() - {"directory"}


@pytest.mark.parametrize("name", slow_except("aider", "claude-code", of=sorted(FOLDERS)))
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_extra_files_at_any_depth_are_saved_or_named(name: str, data: st.DataObject) -> None:
    paths = data.draw(extra_paths(name))
    with TemporaryDirectory() as folder:
        source, home = make_home(name, Path(folder))
        keys = [key for key in paths if add(Path(home.path, key))]
        assert missing(source, home, keys) == []
        for context in source.contexts(home, lambda _: None):
            found = source.find_context(home, context.name, lambda _: None)
            assert found and [file.key for file in found.files] == [file.key for file in context.files]


@pytest.mark.parametrize("name", sorted(FOLDERS))
def test_a_file_that_is_saved_is_in_one_context(name: str, tmp_path: Path) -> None:
    source, home = make_home(name, tmp_path)
    for folder in FOLDERS[name]:
        add(Path(home.path, folder, "deep/er/extra"))
    contexts = source.contexts(home, lambda _: None)
    keys = [file.key for context in contexts for file in context.files if not is_made(file)]
    assert sorted(keys) == sorted(set(keys))


@pytest.mark.parametrize("name", sorted(FOLDERS))
def test_what_is_left_out_is_reported_once(name: str, tmp_path: Path) -> None:
    source, home = make_home(name, tmp_path)
    path = Path(home.path, FOLDERS[name][0], "pipe")
    os.mkfifo(path)
    reports: list[Skipped] = []
    list(source.contexts(home, reports.append))
    assert [skipped.path for skipped in reports if skipped.path == str(path)] == [str(path)]
