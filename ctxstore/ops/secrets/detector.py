"""Where credentials are in a stream of bytes: the library asked, block by block, and its answers sifted."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from ctxstore.errors import CtxstoreError, NotFound

if TYPE_CHECKING:
    from kingfisher_sdk.core import Finding

WINDOW = 8 << 20
"""Bytes that are looked at together."""

OVERLAP = 64 << 10
"""Bytes at the end of a window that are looked at again with the next: no credential is longer."""

NEAR = 8 << 10
"""Bytes between the parts of a credential that has two, such as a name and its key."""

INSTALL = "pip install 'ctxstore[secrets]'"

_IDENTIFIER = re.compile(rb"[A-Za-z]+(?:[_-][A-Za-z]+)+\Z")
_LONG = 24

_ESCAPES = ((b"\\\\", b" \\"), (b"\\n", b" \n"), (b"\\r", b" \n"), (b"\\t", b" \t"), (b'\\"', b' "'))

_CODED = re.compile(rb"\\+(?:u00([2-7][0-9A-Fa-f])|/)")
"""A letter or sign that JSON may write as an escape (``\\u0067``, ``\\/``), however often it was escaped.

Some programs escape what needs none. A key in their output would otherwise not match, and stay in what is published.
"""


class SecretSpan(NamedTuple):
    """A credential: bytes `start` to `stop`, what kind it is, and itself without white space."""

    start: int
    stop: int
    kind: str
    secret: bytes


class Window(NamedTuple):
    """Bytes of a stream from `offset` on, and the credentials that begin in them, in order, none in another."""

    offset: int
    data: bytes
    spans: list[SecretSpan]


Scan = Callable[[bytes], list[SecretSpan]]


@cache
def load_scanner() -> Scan:
    """What finds credentials in bytes, in milliseconds but for the first time. Raises `NotFound` without the library.

    It never uses the network: that is the library's other half, which is not imported.
    """
    try:
        from kingfisher_sdk import Scanner
    except ImportError as error:
        raise NotFound("the package that knows credentials is not installed", hint=INSTALL) from error
    with _told_as_ours():
        scanner = Scanner()

    def scan(data: bytes) -> list[SecretSpan]:
        plain = unescaped(data)
        with _told_as_ours():
            return _sifted(plain, scanner.scan(plain))

    return through_escapes(scan)


@contextmanager
def _told_as_ours() -> Iterator[None]:
    """What the library raises becomes an error that names it, without its message: that may quote what was read."""
    try:
        yield
    except (RuntimeError, ValueError, OSError, TypeError, KeyError) as error:
        raise CtxstoreError(f"the package that finds credentials failed: {type(error).__name__}") from error


def unescaped(data: bytes) -> bytes:
    """The bytes with JSON's escapes undone, each in its place: what is ``\\n`` in a transcript ends a word there, too.

    Also where a text was escaped several times over, as a file that a tool gave back.
    """
    if b"\\" not in data:
        return data
    for escape, plain in _ESCAPES:
        data = data.replace(escape, plain)
    return data


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


def _sifted(data: bytes, found: list[Finding]) -> list[SecretSpan]:
    """Without what is part of another, names that look like keys, and parts that mean nothing by themselves."""
    whole = [_span(data, finding) for finding in found if finding.visible]
    parts = [_span(data, finding) for finding in found if not finding.visible]
    near = [part for part in parts if any(_belong(part, span) for span in whole)]
    spans: list[SecretSpan] = []
    for span in sorted([*whole, *near], key=lambda span: (span.start, -span.stop)):
        is_inside = bool(spans) and span.start < spans[-1].stop
        if span.secret and not is_inside and not _is_identifier(span.secret):
            spans.append(span)
    return spans


def _span(data: bytes, finding: Finding) -> SecretSpan:
    start, stop = finding.location["start_offset"], finding.location["end_offset"]
    while start < stop and data[start] in b" \t\n\"'\\":
        start += 1
    while start < stop and data[stop - 1] in b" \t\n\"'\\":
        stop -= 1
    kind = re.sub(r"[^a-z0-9]+", "-", finding.rule_id.partition(".")[2].lower()).strip("-") or "credential"
    secret = b"".join(finding.secret.encode("utf-8", "surrogateescape").split())
    return SecretSpan(start, stop, kind, secret)


def _belong(part: SecretSpan, span: SecretSpan) -> bool:
    """Whether a part is near a credential of the same service."""
    is_same = part.kind.partition("-")[0] == span.kind.partition("-")[0]
    return is_same and abs(part.start - span.start) < NEAR


def _is_identifier(secret: bytes) -> bool:
    """Whether it is a name in a program: words without a digit."""
    return len(secret) >= _LONG and _IDENTIFIER.match(secret) is not None


def iter_windows(blocks: Iterable[bytes], scan: Scan) -> Iterator[Window]:
    """A stream in windows. Their bytes, joined, are the stream. Each is looked at with what surrounds it."""
    data, offset, given = b"", 0, 0
    for block in _large(blocks):
        data += block
        if len(data) - given < WINDOW + OVERLAP:
            continue
        spans = _from(given, scan(data))
        at = _between(spans, len(data) - OVERLAP)
        yield _window(data[given:at], offset + given, given, [span for span in spans if span.stop <= at])
        kept = max(0, at - OVERLAP)
        data, offset, given = data[kept:], offset + kept, at - kept
    yield _window(data[given:], offset + given, given, _from(given, scan(data)) if data[given:] else [])


def _window(data: bytes, offset: int, given: int, spans: list[SecretSpan]) -> Window:
    return Window(offset, data, [span._replace(start=span.start - given, stop=span.stop - given) for span in spans])


def _from(given: int, spans: list[SecretSpan]) -> list[SecretSpan]:
    """Those that are not given yet, or the rest of them."""
    return [span._replace(start=max(given, span.start)) for span in spans if span.stop > given]


def _between(spans: list[SecretSpan], at: int) -> int:
    """A place about `at` that is in no credential."""
    for span in spans:
        if span.start < at < span.stop:
            return span.stop
    return at


def _large(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Blocks put together, so that a window is not copied for each of many small ones."""
    held: list[bytes] = []
    size = 0
    for block in blocks:
        held.append(block)
        size += len(block)
        if size >= WINDOW:
            yield b"".join(held)
            held, size = [], 0
    yield b"".join(held)
