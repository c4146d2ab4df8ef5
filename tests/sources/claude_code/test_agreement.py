"""Any bytes of a transcript. The parser returns every byte, and the scanner counts the parser's messages."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ctxstore.sources.claude_code import ClaudeCode
from ctxstore.sources.jsonl import lines as lines_module
from ctxstore.sources.protocol import Attributes

COUNTED = {"user", "assistant", "system", "tool"}


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def scan(blocks: list[bytes]) -> Attributes:
    scanner = ClaudeCode().scanner("claude-code/p/s", "projects/p/s.jsonl")
    assert scanner is not None
    for block in blocks:
        scanner.feed(block)
    return scanner.finish()


def check(data: bytes, blocks: list[bytes]) -> None:
    messages = list(ClaudeCode().messages(blocks))
    assert b"".join(message.raw for message in messages) == data
    offset = 0
    for message in messages:
        assert message.offset == offset
        offset += len(message.raw)
    assert scan(blocks).messages == sum(message.role in COUNTED for message in messages)


@pytest.mark.parametrize("size", [1 << 22, 4096, 61])
def test_dirt_is_given_back_and_counted_alike(dirt: bytes, size: int) -> None:
    if len(dirt) > 100_000:
        size = max(size, 4096)
    check(dirt, cut(dirt, size))


def test_where_blocks_break_changes_nothing(dirt: bytes) -> None:
    dirt = dirt[:5000]
    whole = [dirt] if dirt else []
    assert list(ClaudeCode().messages(whole)) == list(ClaudeCode().messages(cut(dirt, 1)))
    assert scan(whole) == scan(cut(dirt, 1)) == scan(cut(dirt, 7))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=400, deadline=None)
@given(data=st.data())
def test_any_mixture_is_given_back_and_counted_alike(lines: list[bytes], data: st.DataObject) -> None:
    mixed = b"".join(data.draw(st.lists(st.sampled_from(lines), max_size=14)))
    edges = sorted(data.draw(st.sets(st.integers(0, len(mixed)), max_size=4)) | {0, len(mixed)})
    check(mixed, [mixed[a:b] for a, b in pairwise(edges)])
    check(mixed, [mixed])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200, deadline=None)
@given(data=st.data(), limit=st.integers(1, 400))
def test_lines_beyond_the_limit_are_given_back_and_counted_alike(
    lines: list[bytes], data: st.DataObject, limit: int
) -> None:
    mixed = b"".join(data.draw(st.lists(st.sampled_from(lines), max_size=14)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines_module, "LIMIT", limit)
        patch.setattr("ctxstore.sources.jsonl.messages.LIMIT", limit)
        check(mixed, [mixed])
        check(mixed, cut(mixed, 50))
        assert scan([mixed]) == scan(cut(mixed, 50))
