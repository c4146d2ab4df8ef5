"""The rule of every source: whatever lies below its folders of sessions and memories is saved, or named."""

from __future__ import annotations

import os
import string
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxstore.sources import agents
from ctxstore.sources.protocol import Skipped, Source, SourceHome
from ctxstore.sources.registry import get_source

FOLDERS = {
    "claude-code": [
        "projects",
        "projects/-home-ada-engine",
        "projects/-home-ada-engine/6f1c2a34-0000-4000-8000-00000000000a",
        "projects/-home-ada-engine/memory",
        *("agent-memory", "file-history", "tasks", "teams", "todos"),
    ],
    "codex": ["sessions", "sessions/2026/01/31", "archived_sessions", "memories", "generated_images"],
}
"""The folders of sessions and memories by source, below its home."""

NOT_HELD_YET = frozenset(
    {
        "aider",
        "cline",
        "continue",
        "copilot",
        "cursor",
        "flowloom",
        "gemini",
        "goose",
        "opencode",
        "roo",
    }
)
"""The sources that still drop some files without a word."""

NAMES = st.text(string.ascii_letters + string.digits + "._- é", min_size=1, max_size=12)
ENDINGS = st.sampled_from(["", ".json", ".jsonl", ".jsonl.zst", ".md", ".txt", ".bak", ".db", ".lock", ".2"])


def is_name(name: str) -> bool:
    return name not in ("", ".", "..") and not name.startswith(".ctx")


def make_home(name: str, folder: Path) -> tuple[Source, SourceHome]:
    import_module(f"tests.sources.homes.{name.replace('-', '_')}").make(folder)
    source = get_source(name)
    return source, source.discover({"HOME": str(folder), "PWD": str(folder)})[0]


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
    return [key for key in keys if key not in saved and key not in named]


def test_every_source_is_held_or_is_known_not_to_be() -> None:
    assert FOLDERS.keys() | NOT_HELD_YET == agents.AGENTS.keys() - {"directory"}
    assert not FOLDERS.keys() & NOT_HELD_YET


@pytest.mark.parametrize("name", sorted(FOLDERS))
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
    keys = [file.key for context in contexts for file in context.files if not os.path.isdir(file.path)]
    assert sorted(keys) == sorted(set(keys))


@pytest.mark.parametrize("name", sorted(FOLDERS))
def test_what_is_left_out_is_reported_once(name: str, tmp_path: Path) -> None:
    source, home = make_home(name, tmp_path)
    path = Path(home.path, FOLDERS[name][0], "pipe")
    os.mkfifo(path)
    reports: list[Skipped] = []
    list(source.contexts(home, reports.append))
    assert [skipped.path for skipped in reports if skipped.path == str(path)] == [str(path)]
