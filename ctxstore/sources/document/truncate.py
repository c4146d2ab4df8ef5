"""A JSON document up to one of its records: what is kept stays as it was, byte for byte."""

from __future__ import annotations

from ctxstore.sources.document.split_array import cut


def shorten(data: bytes, key: str, kept: int) -> bytes:
    """The document with the first `kept` of its records. One that has no such array stays as it is."""
    found = cut(data, key)
    if found is None or kept > len(found.records) or (kept == len(found.records) and found.is_whole):
        return data
    last = found.records[:kept]
    head = data[: last[-1][1] if last else found.opening + 1]
    if found.is_whole and found.closing is not None:
        return head + data[found.closing :]
    return head + (b"]}" if data[: found.opening].strip(b"\xef\xbb\xbf \t\r\n") else b"]")
