"""Broken input. It is saved, reported if unreadable, and prevents no other file from being saved."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import ctxstore
from ctxstore.ops.snapshot.targets import find_targets
from ctxstore.sources.gemini import Gemini
from ctxstore.sources.jsonl.lines import LIMIT
from tests.sources.gemini.test_agreement import scan
from tests.sources.homes import gemini
from tests.sources.homes.gemini import HASH, NAME, STEM

BLOCK = b"\0" * (1 << 20)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    gemini.make(tmp_path)
    return tmp_path


def saved(home: Path) -> tuple[dict[str, int | None], list[str]]:
    """Returns the message count of each saved context, and the files that were not saved."""
    with ctxstore.init(str(home / "repo")) as repo:
        report = repo.snapshot(find_targets([], {"HOME": str(home)}))
        messages = {name: stored.commit.summary.messages for name, stored in repo.refs()}
    return messages, [skipped.path for source in report.sources for skipped in source.skipped if skipped.failed]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 5000,
        b'{"sessionId":"x',
        b"[]",
        bytes(range(256)) * 40,
        b'{"version":99,"turns":[]}',
        b"\xff\xfe{\0}\0",
    ],
)
def test_a_session_that_says_nothing_is_saved_as_it_is(home: Path, data: bytes) -> None:
    path = home / f".gemini/tmp/engine/chats/{STEM}.jsonl"
    path.write_bytes(data)
    messages, failed = saved(home)
    assert messages[f"gemini/engine/{NAME}"] == 0 and failed == []
    assert messages["gemini/engine/7a1c2a34-2025-11-01T10-00"] == 2
    with ctxstore.open(str(home / "repo")) as repo:
        view = repo.view(f"gemini/engine/{NAME}")
        assert b"".join(view.iter_bytes(f"tmp/engine/chats/{STEM}.jsonl")) == data
        assert b"".join(message.raw for message in repo.messages(f"gemini/engine/{NAME}")) == data


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_named_and_the_rest_saved(home: Path) -> None:
    path = home / f".gemini/tmp/engine/chats/{STEM}.jsonl"
    path.chmod(0)
    chats = home / f".gemini/tmp/{HASH}/chats"
    chats.chmod(0)
    messages, failed = saved(home)
    chats.chmod(0o700)
    assert {str(path), str(chats)} <= set(failed)
    assert messages["gemini/engine/7a1c2a34-2025-11-01T10-00"] == 2


def test_a_file_of_any_size_is_read_in_pieces() -> None:
    def blocks() -> Iterator[bytes]:
        yield gemini.SESSION_TEXT.encode()
        yield from (BLOCK for _ in range(200))
        yield b"\n" + gemini.jsonl(gemini.said("u9", "user", "Still here")).encode()

    sizes = []
    said = []
    for message in Gemini().messages(blocks()):
        sizes.append(len(message.raw))
        said += [message.id] if message.role in ("user", "assistant") else []
    assert said == ["u1", "g1", "u9"] and max(sizes) <= LIMIT + 2 * len(BLOCK)
    assert scan(list(blocks())).messages == 3


def test_a_large_document_is_kept_and_not_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctxstore.sources.jsonl.lines.LIMIT", 100)
    import json

    data = json.dumps(gemini.OLD_DOCUMENT, indent=2).encode()
    messages = list(Gemini().messages([data]))
    assert b"".join(message.raw for message in messages) == data
    assert scan([data]).messages == sum(message.role in ("user", "assistant") for message in messages)
