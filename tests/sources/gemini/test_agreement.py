"""Any bytes of a session. The parser returns every byte, and the scanner counts the parser's messages."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxstore.sources.gemini import Gemini
from ctxstore.sources.jsonl import lines as lines_module
from ctxstore.sources.protocol import Attributes
from tests.sources.gemini.conftest import PIECES
from tests.sources.homes.gemini import NAME, STEM

COUNTED = {"user", "assistant", "system", "tool"}


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def scan(blocks: list[bytes], before: Attributes | None = None) -> Attributes:
    scanner = Gemini().scanner(f"gemini/engine/{NAME}", f"tmp/engine/chats/{STEM}.jsonl", before)
    assert scanner is not None
    for block in blocks:
        scanner.feed(block)
    return scanner.finish()


def check(data: bytes, blocks: list[bytes]) -> None:
    messages = list(Gemini().messages(blocks))
    assert b"".join(message.raw for message in messages) == data
    offset = 0
    for message in messages:
        assert message.offset == offset and message.raw and message.id
        offset += len(message.raw)
    counted = [message.id for message in messages if message.role in COUNTED]
    assert scan(blocks).messages == len(counted) == len(set(counted))


@pytest.mark.parametrize("size", [1 << 22, 4096, 61])
def test_dirt_is_given_back_and_counted_alike(dirt: bytes, size: int) -> None:
    check(dirt, cut(dirt, max(size, 4096) if len(dirt) > 100_000 else size))


def test_where_blocks_break_changes_nothing(dirt: bytes) -> None:
    dirt = dirt[:4000]
    whole = [dirt] if dirt else []
    assert list(Gemini().messages(whole)) == list(Gemini().messages(cut(dirt, 1)))
    assert scan(whole) == scan(cut(dirt, 1)) == scan(cut(dirt, 7))


@settings(max_examples=300, deadline=None)
@given(mixed=st.lists(st.sampled_from(PIECES), max_size=14).map(b"".join), data=st.data())
def test_any_mixture_is_given_back_and_counted_alike(mixed: bytes, data: st.DataObject) -> None:
    edges = sorted(data.draw(st.sets(st.integers(0, len(mixed)), max_size=4)) | {0, len(mixed)})
    check(mixed, [mixed[a:b] for a, b in pairwise(edges)])


@settings(max_examples=150, deadline=None)
@given(mixed=st.lists(st.sampled_from(PIECES), max_size=14).map(b"".join), limit=st.integers(1, 400))
def test_lines_beyond_the_limit_are_given_back_and_counted_alike(mixed: bytes, limit: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines_module, "LIMIT", limit)
        patch.setattr("ctxstore.sources.jsonl.messages.LIMIT", limit)
        check(mixed, [mixed])
        check(mixed, cut(mixed, 50))


@settings(max_examples=150, deadline=None)
@given(records=st.lists(st.sampled_from(PIECES[:10]), max_size=12), at=st.integers(0, 12))
def test_a_scan_of_what_was_added_agrees_or_does_not_know(records: list[bytes], at: int) -> None:
    first, rest = b"".join(records[:at]), b"".join(records[at:])
    whole, resumed = scan([first, rest]), scan([rest], scan([first]))
    assert resumed.messages in (None, whole.messages)
    assert (resumed.agent, resumed.project) == (whole.agent, whole.project) or not first
