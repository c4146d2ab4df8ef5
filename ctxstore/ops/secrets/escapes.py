"""Letters and signs that JSON may write as escapes (``\\u0067``, ``\\/``), read as what they stand for.

Some programs escape what needs none: a key in their output would else not look like one, and stay in what is published.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ctxstore.ops.secrets.detector import Scan, SecretSpan

_CODED = re.compile(rb"\\+(?:u00([2-7][0-9A-Fa-f])|/)")
"""However often it was escaped."""


def through_escapes(scan: Scan) -> Scan:
    """Finds what `scan` finds in the bytes with such escapes undone, in its places in the bytes as they are."""

    def look(data: bytes) -> list[SecretSpan]:
        codes = list(_CODED.finditer(data)) if b"\\u00" in data or b"\\/" in data else []
        if not codes:
            return scan(data)
        removed = [0, *accumulate(len(code[0]) - 1 for code in codes)]
        starts = [code.start() - before for code, before in zip(codes, removed, strict=False)]

        def place(at: int) -> int:
            return at + removed[bisect_left(starts, at)]

        plain = _CODED.sub(_letter, data)
        return [span._replace(start=place(span.start), stop=place(span.stop)) for span in scan(plain)]

    return look


def _letter(code: re.Match[bytes]) -> bytes:
    return bytes((int(code[1], 16),)) if code[1] else b"/"
