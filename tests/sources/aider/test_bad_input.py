"""Broken input. It is saved, reported if unreadable, and prevents no other file from being saved."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import ctxstore
from ctxstore.ops.snapshot.targets import find_targets
from ctxstore.sources.aider import Aider
from ctxstore.sources.jsonl.lines import LIMIT
from tests.sources.aider.test_agreement import scan
from tests.sources.homes import aider

BLOCK = b"\0" * (1 << 20)


@pytest.mark.parametrize(
    "data", [b"", b"\0" * 5000, bytes(range(256)) * 40, b"# aider chat started at", b"\xff\xfe#\0"]
)
def test_a_history_that_says_nothing_is_saved_as_it_is(tmp_path: Path, data: bytes) -> None:
    aider.make(tmp_path / "engine")
    (tmp_path / "engine/.aider.chat.history.md").write_bytes(data)
    with ctxstore.init(str(tmp_path / "repo")) as repo:
        report = repo.snapshot(find_targets([f"aider:{tmp_path}/engine"], {}))
        ((name, _),) = repo.refs()
        assert not any(skipped for source in report.sources for skipped in source.skipped)
        assert b"".join(repo.view(name).iter_bytes(".aider.chat.history.md")) == data
        assert b"".join(message.raw for message in repo.messages(name)) == data


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_history_that_may_not_be_read_is_named_and_the_rest_saved(tmp_path: Path) -> None:
    aider.make(tmp_path / "engine")
    path = tmp_path / "engine/.aider.chat.history.md"
    path.chmod(0)
    with ctxstore.init(str(tmp_path / "repo")) as repo:
        report = repo.snapshot(find_targets([f"aider:{tmp_path}/engine"], {}))
        assert [skipped.path for skipped in report.sources[0].skipped] == [str(path)]
        ((name, _),) = repo.refs()
        assert ".aider.input.history" in [key for key, _ in repo.view(name).files.entries()]


def test_a_history_of_any_size_is_read_in_pieces() -> None:
    def blocks() -> Iterator[bytes]:
        yield aider.HISTORY.encode()
        yield from (BLOCK for _ in range(200))
        yield b"\n" + aider.HISTORY.encode()

    messages = list(Aider().messages(blocks()))
    assert sum(len(message.raw) for message in messages) == 2 * len(aider.HISTORY) + 1 + 200 * len(BLOCK)
    assert max(len(message.raw) for message in messages) <= LIMIT + 2 * len(BLOCK)
    counted = sum(message.role in ("user", "assistant") for message in messages)
    assert scan(list(blocks())).messages == counted >= 7
