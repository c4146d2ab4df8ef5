"""Any bytes of a transcript. The parser returns every byte, and the scanner counts the parser's messages."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxstore.sources.aider import Aider
from ctxstore.sources.jsonl import lines as lines_module
from ctxstore.sources.protocol import Attributes
from tests.sources.homes.aider import HISTORY

COUNTED = {"user", "assistant", "system", "tool"}
START = b"\n# aider chat started at 2026-01-03 10:00:00\n\n"
PIECES = [
    START,
    b"# aider chat started at 2026-01-03 10:00:00\n",
    b"# aider chat started at noon\n",
    b"> Model: engine/x with diff edit format  \n",
    b"> Aider v1\n",
    b"> # 1 SEARCH/REPLACE block failed to match!\n",
    b"> a quote\n",
    b">  \n",
    b">\n",
    b"#### do it  \n",
    b"#### a heading\n",
    b"####   \n",
    b"####\n",
    b"#### Add it? (Y)es/(N)o [Yes]: y  \n",
    b"```python\n",
    b"```\n",
    b"````\n",
    b"~~~\n",
    b"text\n",
    b"text  \n",
    b"\n",
    b"  \n",
    b"\r\n",
    b"#### do it  \r\n",
    b"#",
    b"> ",
    b" ",
    b"\0\xff",
    b"x",
]
mixtures = st.lists(st.sampled_from(PIECES), max_size=16).map(b"".join)


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def scan(blocks: list[bytes], before: Attributes | None = None) -> Attributes:
    scanner = Aider().scanner("aider/p/chat", ".aider.chat.history.md", before)
    assert scanner is not None
    for block in blocks:
        scanner.feed(block)
    return scanner.finish()


def check(data: bytes, blocks: list[bytes]) -> None:
    messages = list(Aider().messages(blocks))
    assert b"".join(message.raw for message in messages) == data
    offset = 0
    for message in messages:
        assert message.offset == offset and message.raw and message.id
        offset += len(message.raw)
    assert scan(blocks).messages == sum(message.role in COUNTED for message in messages)


@settings(max_examples=200, deadline=None)
@given(mixed=mixtures, data=st.data())
def test_any_mixture_is_given_back_and_counted_alike(mixed: bytes, data: st.DataObject) -> None:
    edges = sorted(data.draw(st.sets(st.integers(0, len(mixed)), max_size=4)) | {0, len(mixed)})
    check(mixed, [mixed[a:b] for a, b in pairwise(edges)])


@settings(max_examples=200, deadline=None)
@given(mixed=mixtures)
def test_where_blocks_break_changes_nothing(mixed: bytes) -> None:
    whole = [mixed] if mixed else []
    assert (
        list(Aider().messages(whole)) == list(Aider().messages(cut(mixed, 1))) == list(Aider().messages(cut(mixed, 7)))
    )
    assert scan(whole) == scan(cut(mixed, 1))


@settings(max_examples=200, deadline=None)
@given(mixed=mixtures, limit=st.integers(1, 100))
def test_pieces_beyond_the_limit_are_given_back_and_counted_alike(mixed: bytes, limit: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines_module, "LIMIT", limit)
        patch.setattr("ctxstore.sources.aider.history.LIMIT", limit)
        check(mixed, [mixed])
        check(mixed, cut(mixed, 50))


@settings(max_examples=200, deadline=None)
@given(first=st.lists(st.sampled_from(PIECES[:-5]), max_size=10).map(b"".join), rest=mixtures, anew=st.booleans())
def test_a_scan_of_what_was_added_agrees_or_does_not_know(first: bytes, rest: bytes, anew: bool) -> None:
    rest = START + rest if anew else rest
    whole, resumed = scan([first, rest]), scan(cut(rest, 5), scan([first]))
    assert resumed.messages in (None, whole.messages)
    if anew:
        assert resumed == whole


def test_binary_garbage_is_given_back() -> None:
    data = bytes(range(256)) * 300
    check(data, cut(data, 1000))
    check(HISTORY.encode() + data + HISTORY.encode(), cut(HISTORY.encode() + data + HISTORY.encode(), 999))
