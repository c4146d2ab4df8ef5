"""Sessions of Copilot CLI before 0.0.342, and files in its folders that are no sessions."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctxstore.errors import InvalidInput
from ctxstore.sources.copilot import Copilot
from ctxstore.sources.protocol import Attributes, SourceHome
from ctxstore.sources.resumable import ContextChange, StoredContext
from tests.sources.homes import copilot
from tests.sources.homes.copilot import LEGACY, OLD, document, events
from tests.sources.homes.home_files import write

NAME = "copilot/sessions/9f2e"
KEY = f"history-session-state/{LEGACY}.json"


@pytest.fixture
def root(tmp_path: Path) -> SourceHome:
    copilot.make(tmp_path)
    return Copilot().discover({"HOME": str(tmp_path)})[0]


def keys(root: SourceHome, name: str) -> list[str]:
    found = Copilot().find_context(root, name, lambda _: None)
    return [file.key for file in found.files] if found else []


def scan(data: bytes, size: int, before: Attributes | None = None) -> Attributes:
    scanner = Copilot().scanner(NAME, KEY, before)
    assert scanner is not None
    for at in range(0, len(data), size):
        scanner.feed(data[at : at + size])
    return scanner.finish()


def test_a_document_is_a_session(root: SourceHome) -> None:
    assert keys(root, NAME) == [KEY]
    found = [each for each in Copilot().messages([document().encode()]) if each.role != "meta"]
    assert [each.role for each in found] == ["user", "assistant", "tool", "assistant", "unknown"]
    assert [[part.kind for part in each.parts] for each in found[1:3]] == [["text", "tool_use"], ["tool_result"]]
    assert [part.call for each in found[1:3] for part in each.parts] == ["", "c1", "c1"]


@pytest.mark.parametrize("size", [1, 300, 1 << 20])
def test_its_summary_is_that_of_its_messages(size: int) -> None:
    assert scan(document().encode(), size)[:5] == ("Grease the axle", "GitHub Copilot CLI", None, None, 4)


def test_a_document_that_grew_is_counted_anew() -> None:
    assert scan(b" ", 1, Attributes("Grease the axle", messages=4)).messages is None


def test_a_document_in_place_of_events_is_read_and_counted_too() -> None:
    scanner = Copilot().scanner(f"copilot/sessions/{OLD}", f"session-state/{OLD}.jsonl")
    assert scanner is not None
    scanner.feed(document().encode())
    assert scanner.finish().messages == 4


def test_a_migrated_session_has_its_document_too_and_the_events_are_read(root: SourceHome) -> None:
    write(Path(root.path), {"session-state/9f2e/events.jsonl": events("9f2e")})
    found = keys(root, NAME)
    assert found == [KEY, "session-state/9f2e", "session-state/9f2e/events.jsonl"]
    assert Copilot().transcript(NAME, found) == "session-state/9f2e/events.jsonl"


def test_of_two_documents_the_later_one_is_read() -> None:
    found = [f"history-session-state/session_9f2e_{time}.json" for time in (99, 100, 98)]
    assert Copilot().transcript(NAME, found) == found[1]


def test_what_is_no_session_is_saved_with_the_home(root: SourceHome) -> None:
    stray = {"history-session-state/notes.txt": "", "session-state/bad name/x": "", "session-state/index.json": ""}
    write(Path(root.path), stray)
    assert stray.keys() <= set(keys(root, "copilot/home"))


def test_a_document_comes_back_only_as_it_was() -> None:
    stored = StoredContext(NAME, None, [KEY], lambda _: iter([document().encode()]))
    assert [each.key for each in Copilot().restore_layout(stored, ContextChange(paths=(("/a", "/b"),)))] == [KEY]
    with pytest.raises(InvalidInput):
        Copilot().restore_layout(stored, ContextChange(session="new"))
