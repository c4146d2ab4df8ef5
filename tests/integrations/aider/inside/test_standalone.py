"""The modules that run in aider's Python: their imports, and their input."""

from __future__ import annotations

import ast
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxstore.integrations.aider import inside
from ctxstore.integrations.aider.inside import backup
from ctxstore.integrations.aider.inside.backup import parse_backup, read_backup
from ctxstore.integrations.aider.inside.backup_command import parse_selection
from ctxstore.integrations.aider.inside.problem import CommandProblem
from ctxstore.integrations.aider.inside.prompt import clean, local_time

FILES = sorted(Path(inside.__file__).parent.glob("*.py"))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["role", "content", "name", "text", "x"]), inner),
    max_leaves=8,
)
KEYS = (
    "messages",
    "chat_history",
    "done_messages",
    "files",
    "read_only",
    "done",
    "contents",
    "model",
    "git",
    "model_info",
)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_it_needs_only_the_standard_library_and_aider_on_python_3_10(path: Path) -> None:
    tree = ast.parse(path.read_text(), feature_version=(3, 10))
    names = [each.name for node in ast.walk(tree) if isinstance(node, ast.Import) for each in node.names]
    names += [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and not node.level]
    assert {name.partition(".")[0] for name in names} <= {*sys.stdlib_module_names, "aider"}


@given(st.dictionaries(st.sampled_from(KEYS), JSON) | JSON)
def test_any_json_is_a_backup_or_a_problem(value: Any) -> None:
    try:
        found = parse_backup(value, "it", is_own=False)
    except CommandProblem as problem:
        assert problem.message.startswith("it ")
        return
    assert all(isinstance(message["role"], str) for message in found.done + found.current)
    assert all(isinstance(file.path, str) for file in found.files)


def test_where_nothing_tells_them_apart_all_messages_are_of_finished_turns() -> None:
    messages = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    assert parse_backup({"messages": messages}, "it", is_own=False).done == messages
    found = parse_backup({"messages": messages, "done": 1}, "it", is_own=False)
    assert (found.done, found.current) == (messages[:1], messages[1:])
    for done in (3, -1, "1", True, None):
        with pytest.raises(CommandProblem, match="are marked as done"):
            parse_backup({"messages": messages, "done": done}, "it", is_own=False)


def test_what_is_no_file_or_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "fifo.json")
    for path in (tmp_path / "fifo.json", tmp_path):
        with pytest.raises(CommandProblem, match="is not a regular file"):
            read_backup(str(path))
    monkeypatch.setattr(backup, "MAX_BYTES", 10)
    (tmp_path / "large.json").write_text(json.dumps({"messages": []}))
    with pytest.raises(CommandProblem, match="too large"):
        read_backup(str(tmp_path / "large.json"))


@pytest.mark.parametrize(
    ("text", "chosen"),
    [("1-3,5", [0, 1, 2, 4]), ("5,1", [0, 4]), ("2-2,2", [1]), ("all", [0, 1, 2, 3, 4]), ("none", [])],
)
def test_a_selection_is_in_the_messages_order(text: str, chosen: list[int]) -> None:
    assert parse_selection(text, 5) == chosen


@pytest.mark.parametrize("text", ["0", "6", "3-6", "4-2", "99999999999999999999"])
def test_a_selection_of_what_is_not_there_is_a_problem(text: str) -> None:
    with pytest.raises(CommandProblem):
        parse_selection(text, 5)


def test_nothing_that_was_saved_drives_the_terminal() -> None:
    assert clean("a\x1b[2J\u202eb\ud800\tc\nd") == "a\\x1b[2J\\u202eb\\ud800 c d"
    assert clean("caf\xe9 ✓") == "caf\xe9 ✓"


def test_times_of_other_tools_are_shown_as_found() -> None:
    assert len(local_time("2026-11-21T15:26:30.564475Z")) == 19
    for text in ("2025-05-01 10:00", "20250501", "", "Z", "9999-99-99T00:00:00Z"):
        assert local_time(text) == text
