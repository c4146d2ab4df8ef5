"""Finds the positions of the records in a JSON document's array.

For a valid document, a decoder finds the records without decoding them. A truncated or damaged document is read record
by record, up to the last complete one.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from ctxstore.sources.document.members import DECODE_ERRORS, end_of, members, skip, start_of, text_of

_HEAD = 1 << 16
"""The array is searched for in this many bytes first: what precedes it is short."""

_BLANK = b" \t\r\n"
_BETWEEN = frozenset({b" ", b"\t", b"\r", b"\n", b","})


class RecordSpan(NamedTuple):
    """A record is ``data[start:end]``."""

    start: int
    end: int


class Cut(NamedTuple):
    """The positions in ``data``.

    - `opening`: the position of the array's ``[``.
    - `records`: the start and end of each record.
    - `closing`: the position of the array's ``]``, or None if it has none.
    - `is_whole`: nothing is damaged, including the text after `closing`.
    """

    opening: int
    records: list[RecordSpan]
    closing: int | None
    is_whole: bool


def cut(data: bytes, key: str) -> Cut | None:
    """Returns the positions in a document that is an array, or an object whose member `key` is an array. Returns None
    for any other document."""
    opening = _find_array(data, key)
    if opening is None:
        return None
    return _cut_whole(data, opening, key) or _cut_damaged(data, opening)


def shorten(data: bytes, key: str, kept: int) -> bytes:
    """Returns the document with its first `kept` records. A document without such an array is unchanged."""
    found = cut(data, key)
    if found is None or kept > len(found.records) or (kept == len(found.records) and found.is_whole):
        return data
    last = found.records[:kept]
    head = data[: last[-1].end if last else found.opening + 1]
    if found.is_whole and found.closing is not None:
        return head + data[found.closing :]
    return head + (b"]}" if data[: found.opening].strip(b"\xef\xbb\xbf \t\r\n") else b"]")


def _find_array(data: bytes, key: str) -> int | None:
    for size in (_HEAD, len(data)):
        text = text_of(data[:size])
        at = start_of(text)
        if text[at : at + 1] == "[":
            return at
        found = members(text, into=key)
        if found and found[-1].end < 0:
            return found[-1].start
    return None


def _cut_whole(data: bytes, opening: int, key: str) -> Cut | None:
    try:
        if data[:opening].strip(_BLANK):
            array = _object.decode(data)[key]
            raws = _array.decode(array)
        else:
            raws = _array.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError, KeyError):
        return None
    records = []
    at = opening + 1
    for raw in raws:
        while data[at : at + 1] in _BETWEEN:
            at += 1
        records.append(RecordSpan(at, at + len(raw)))
        at += len(raw)
    closing = data.find(b"]", at)
    # Of a key that occurs twice the last is decoded, and the first found.
    found = all(data[start:end] == bytes(raw) for (start, end), raw in zip(records, raws, strict=True))
    return Cut(opening, records, closing, True) if found and not data[at:closing].strip(_BLANK) else None


def _cut_damaged(data: bytes, opening: int) -> Cut:
    text = text_of(data)
    records: list[RecordSpan] = []
    closing = None
    try:
        at = skip(text, opening + 1)
        while text[at : at + 1] != "]":
            end = end_of(text, at)
            records.append(RecordSpan(at, end))
            at = skip(text, end)
            if text[at : at + 1] == ",":
                at = skip(text, at + 1)
            elif text[at : at + 1] != "]":
                break
        else:
            closing = at
    except DECODE_ERRORS:
        pass
    is_whole = closing is not None and "".join(text[closing:].split()) in ("]", "]}")
    return Cut(opening, records, closing, is_whole)


_array = msgspec.json.Decoder(list[msgspec.Raw])
_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
