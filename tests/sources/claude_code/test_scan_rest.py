"""Scans of the rest of a transcript. With the summary of the first lines, the result is that of a whole scan."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ctxstore.sources.claude_code import ClaudeCode
from ctxstore.sources.protocol import Attributes


def line(type: str, **fields: Any) -> bytes:
    return json.dumps({"type": type, **fields}).encode() + b"\n"


def user(content: object, **fields: Any) -> bytes:
    return line("user", message={"content": content}, **fields)


def assistant(model: object) -> bytes:
    return line("assistant", message={"model": model, "content": "ok"}, cwd="/third")


def summary(text: object, leaf: object = "u1") -> bytes:
    return line("summary", summary=text, leafUuid=leaf)


def custom(title: object) -> bytes:
    return line("custom-title", customTitle=title)


MORE = [
    user("First", uuid="u1", cwd="/one"),
    user("Second", uuid="u2", cwd="/two"),
    user("<command-name>x"),
    assistant("engine-1"),
    assistant("engine-2"),
    assistant("<synthetic>"),
    custom("Mine"),
    custom("Ours"),
    custom(""),
    b'  {"type":"user"},\n',
    b'{"type":"user",\n',
    b"]\n",
]


def scan(data: bytes, before: Attributes | None = None) -> Attributes:
    scanner = ClaudeCode().scanner("claude-code/p/s", "projects/p/s.jsonl", before)
    assert scanner is not None
    for at in range(0, len(data), 4096):
        scanner.feed(data[at : at + 4096])
    return scanner.finish()


def may_go_on(tail: bytes) -> bool:
    """Whether the tail's first non-empty line is indented or closes a document."""
    first = next((line for line in tail.split(b"\n") if line.strip()), b"x")
    return first[:1].isspace() or first.strip() in (b"}", b"]")


def check(data: bytes, cut: int) -> None:
    head, tail = data[:cut], data[cut:]
    resumed = scan(tail, scan(head))
    if may_go_on(tail):
        assert resumed.messages is None
    else:
        assert resumed == scan(data)


def starts(data: bytes) -> list[int]:
    return [0, *(at + 1 for at, byte in enumerate(data) if byte == 10)]


def test_dirt_is_summed_up_alike_wherever_it_is_cut(dirt: bytes) -> None:
    dirt = dirt[:20_000]
    for cut in starts(dirt):
        check(dirt, cut)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=400, deadline=None)
@given(data=st.data())
def test_any_mixture_is_summed_up_alike_wherever_it_is_cut(lines: list[bytes], data: st.DataObject) -> None:
    mixed = b"".join(data.draw(st.lists(st.sampled_from(MORE + lines), max_size=14)))
    check(mixed, data.draw(st.sampled_from(starts(mixed))))


@given(records=st.lists(st.sampled_from(MORE[:9])), cuts=st.lists(st.integers(0, 20)))
def test_a_transcript_that_grew_many_times_is_summed_up_alike(records: list[bytes], cuts: list[int]) -> None:
    attributes, at = scan(b""), 0
    for cut in [*sorted(cuts), len(records)]:
        attributes, at = scan(b"".join(records[at:cut]), attributes), max(at, cut)
    assert attributes == scan(b"".join(records))


def test_what_precedes_is_kept_when_nothing_follows() -> None:
    before = Attributes("T", "Claude Code", "m", "/p", 7)
    assert scan(b"", before) == scan(b"\n", before) == before


def test_an_unknown_number_stays_unknown() -> None:
    before = Attributes("T", "Claude Code", "m", "/p", None)
    assert scan(user("More"), before) == before


@pytest.mark.parametrize("indent", [1, 2])
def test_a_document_that_goes_on_is_not_miscounted(indent: int) -> None:
    document = json.dumps([{"type": "user"}], indent=indent).encode() + b"\n"
    assert scan(document).messages == 0
    for cut in starts(document)[1:-1]:
        assert scan(document[cut:], scan(document[:cut])).messages is None
    assert scan(document, scan(user("Head"))).messages == 1


def test_a_title_in_the_rest_wins_over_what_precedes() -> None:
    before = Attributes("Known", "Claude Code", None, None, 1)
    assert scan(user("Prompt"), before).title == "Known"
    assert scan(user("Prompt"), before._replace(title=None)).title == "Prompt"
    assert scan(summary("S") + custom("C") + user("Prompt"), before).title == "C"
    assert scan(summary("S", "precedes") + user("Prompt"), before).title == "S"
    assert scan(summary("") + summary(7), before).title == "Known"


def test_a_summary_of_a_record_in_the_rest_wins_over_one_of_an_unknown_record() -> None:
    before = Attributes("Known", "Claude Code", None, None, 1)
    rest = user("Prompt", uuid="u9") + summary("Own", "u9") + summary("Another's", "x")
    assert scan(rest, before).title == "Own"
