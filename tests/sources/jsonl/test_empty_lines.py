"""Empty lines. They belong to the previous record, and millions of them cost nothing."""

from __future__ import annotations

from ctxstore.sources.jsonl.messages import iter_padded, iter_records

RECORD = b'{"a":1}\n'


def read(raw: bytes) -> list[tuple[bytes, bool | None]]:
    return [(raw, True)]


def test_a_block_of_empty_lines_is_one_piece() -> None:
    blocks = [RECORD, b"\n" * (4 << 20), b" \r\n" * (1 << 20), RECORD]
    assert [len(raw) for raw, _ in iter_records(blocks, read)] == [8, 4 << 20, 3 << 20, 8]


def test_empty_lines_are_added_to_the_record_before_them_or_to_the_first() -> None:
    blocks = [b"\n\n", b" \n" + RECORD + b"\n", b"\n\n" * 9, RECORD + b"\r\n"]
    assert [raw for raw, _ in iter_padded(blocks, read)] == [b"\n\n \n" + RECORD + b"\n" * 19, RECORD + b"\r\n"]


def test_a_file_of_empty_lines_is_one_record() -> None:
    assert list(iter_padded([b"\n" * 100], read)) == [(b"\n" * 100, None)]
    assert list(iter_padded([], read)) == []


def test_an_empty_line_in_a_document_is_part_of_it() -> None:
    document = b'{\n  "a": 1,\n\n  "b": 2\n}\n'
    assert [raw for raw, _ in iter_padded([document[:12], b"\n", document[13:]], read)] == [document]
