"""The suite for all sources, run on this one as another project would run it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ctxstore.sources.protocol import Source
from tests.sources import test_contract as contract

HERE = str(Path(__file__).parent)


@pytest.fixture
def source(monkeypatch: pytest.MonkeyPatch) -> Source:
    monkeypatch.syspath_prepend(HERE)
    import abacus

    made: Source = abacus.Abacus()
    return made


@pytest.fixture
def case(source: Source, tmp_path: Path) -> contract.Case:
    home = tmp_path / "ada"
    talks = home / ".abacus" / "talks"
    talks.mkdir(parents=True)
    (talks / "one-1.jsonl").write_text('{"talk":"one-1","n":1,"who":"me","text":"Count"}\n')
    (talks / "two-2.jsonl").write_text("")
    (talks / "not a talk.jsonl").write_text("")
    return contract.Case(source, source.discover({"HOME": str(home)})[0])


for _name, _test in vars(contract).items():
    if _name.startswith("test_") and _name not in (
        "test_a_source_is_known_by_its_name",  # only for built-in sources
        "test_any_bytes_come_back_as_messages",
    ):
        globals()[_name] = _test


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=300), cuts=st.lists(st.integers(0, 300)), offset=st.integers(0, 2**40))
def test_any_bytes_come_back_as_messages(source: Source, data: bytes, cuts: list[int], offset: int) -> None:
    contract.check_bytes(source, data, cuts, offset)


@settings(deadline=None)
@given(
    lines=st.lists(
        st.sampled_from([b'{"who":"me"}\n', b'{"who":"abacus"}{"who":"x"}\n', b"{\n", b" 1\n", b"}\n", b"\n"])
    ),
    data=st.data(),
)
def test_its_scanner_counts_what_its_parser_yields(lines: list[bytes], data: st.DataObject) -> None:
    sys.path.insert(0, HERE)
    try:
        from abacus.transcript import iter_messages, make_scanner
    finally:
        sys.path.remove(HERE)
    counted = {"user", "assistant"}
    at = data.draw(st.integers(0, len(lines)))
    first, rest = b"".join(lines[:at]), b"".join(lines[at:])
    scanner = make_scanner(None)
    scanner.feed(first)
    before = scanner.finish()
    assert before.messages == sum(message.role in counted for message in iter_messages([first]))
    scanner = make_scanner(before)
    scanner.feed(rest)
    total = scanner.finish().messages
    assert total in (None, sum(message.role in counted for message in iter_messages([first + rest])))
