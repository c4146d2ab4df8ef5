"""Any bytes of a transcript. The parser returns every byte, and the scanner counts the parser's messages."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxstore.sources.copilot import Copilot
from ctxstore.sources.jsonl import lines as lines_module
from ctxstore.sources.protocol import Attributes
from tests.sources.copilot.conftest import PIECES
from tests.sources.homes.copilot import CONTEXT, FOLDER

COUNTED = {"user", "assistant", "system", "tool"}


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def scan(blocks: list[bytes], before: Attributes | None = None) -> Attributes:
    scanner = Copilot().scanner(CONTEXT, f"{FOLDER}/events.jsonl", before)
    assert scanner is not None
    for block in blocks:
        scanner.feed(block)
    return scanner.finish()


def check(data: bytes, blocks: list[bytes]) -> None:
    messages = list(Copilot().messages(blocks))
    assert b"".join(message.raw for message in messages) == data
    offset = 0
    for message in messages:
        assert message.offset == offset
        offset += len(message.raw)
    assert scan(blocks).messages == sum(message.role in COUNTED for message in messages)


@pytest.mark.parametrize("size", [1 << 22, 4096, 61])
def test_dirt_is_given_back_and_counted_alike(dirt: bytes, size: int) -> None:
    check(dirt, cut(dirt, max(size, 4096) if len(dirt) > 100_000 else size))


def test_where_blocks_break_changes_nothing(dirt: bytes) -> None:
    dirt = dirt[:5000]
    whole = [dirt] if dirt else []
    assert list(Copilot().messages(whole)) == list(Copilot().messages(cut(dirt, 1)))
    assert scan(whole) == scan(cut(dirt, 1)) == scan(cut(dirt, 7))


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_any_mixture_is_given_back_and_counted_alike(data: st.DataObject) -> None:
    mixed = b"".join(data.draw(st.lists(st.sampled_from(PIECES), max_size=14)))
    edges = sorted(data.draw(st.sets(st.integers(0, len(mixed)), max_size=4)) | {0, len(mixed)})
    check(mixed, [mixed[a:b] for a, b in pairwise(edges)])


@settings(max_examples=200, deadline=None)
@given(data=st.data(), limit=st.integers(1, 400))
def test_lines_beyond_the_limit_are_given_back_and_counted_alike(data: st.DataObject, limit: int) -> None:
    mixed = b"".join(data.draw(st.lists(st.sampled_from(PIECES), max_size=14)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines_module, "LIMIT", limit)
        patch.setattr("ctxstore.sources.jsonl.messages.LIMIT", limit)
        check(mixed, cut(mixed, 50))
        assert scan([mixed]) == scan(cut(mixed, 50))


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_scanning_what_was_added_after_what_was_known_is_scanning_the_whole(data: st.DataObject) -> None:
    lines = [piece for piece in PIECES if piece.startswith(b"{") and piece.endswith(b"}\n")]
    head = b"".join(data.draw(st.lists(st.sampled_from(lines), max_size=8)))
    tail = b"".join(data.draw(st.lists(st.sampled_from(lines), max_size=8)))
    assert scan([tail], scan([head])) == scan([head + tail])


def test_a_tail_that_may_go_on_with_a_document_is_not_counted() -> None:
    assert scan([b'  "type": "x"\n}\n'], Attributes(messages=1)).messages is None
