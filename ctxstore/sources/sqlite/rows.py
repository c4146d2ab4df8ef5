"""A row of a table ↔ a line of JSON. Nothing is lost: values that JSON does not have are in an object of their own.

    {"table":"message","row":{"id":"msg_1","data":"{}"},"rows":[{"table":"part","row":{…}}]}

``rows`` are those that belong to it. Integers and floats stay distinct (``1`` and ``1.0``), a BLOB is
``{"blob":BASE64}``, a text that is not UTF-8 ``{"text":BASE64}``, an infinity ``{"real":"inf"}``.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from math import isfinite
from typing import Any

import msgspec

from ctxstore.errors import InvalidInput
from ctxstore.sources.sqlite.database import Garbled


class RowLine(msgspec.Struct, omit_defaults=True):
    """A row of `table`, with the rows of other tables that belong to it."""

    table: str
    row: dict[str, Any]
    rows: list[RowLine] = []


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(RowLine).decode


def encode_line(line: RowLine) -> bytes:
    """Returns the line, with its end. Equal rows give equal bytes."""
    return _encode(line) + b"\n"


def decode_line(raw: bytes) -> RowLine:
    """Returns the row in a line of `encode_line`. Raises `InvalidInput` for any other line."""
    try:
        return _decode(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise InvalidInput("not a row of a database") from error


def plain_value(value: Any) -> Any:
    """Converts a value that SQLite returned to one that JSON can represent."""
    kind = type(value)
    if kind is str or kind is int or value is None:
        return value
    if kind is bytes:
        return {"blob": b64encode(value).decode()}
    if kind is Garbled:
        return {"text": b64encode(value.data).decode()}
    return value if isfinite(value) else {"real": str(value)}


def stored_value(value: Any) -> Any:
    """Inverts `plain_value`: returns the value for SQLite. A `Garbled` text stays `Garbled`. Raises
    `InvalidInput`."""
    if value is None or type(value) in (str, int, float):
        return value
    if type(value) is dict and len(value) == 1:
        ((kind, text),) = value.items()
        try:
            if kind == "real":
                return float(text)
            if kind in ("blob", "text"):
                data = b64decode(text, validate=True)
                return data if kind == "blob" else Garbled(data)
        except (ValueError, TypeError):
            pass
    raise InvalidInput("not a value of a database")
