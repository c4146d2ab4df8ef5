"""The detection of credentials in a stream of bytes, by the rules of a library and a filter for false findings."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from ctxstore.errors import CtxstoreError, NotFound
from ctxstore.ops.secrets.rules import find_by_rules

if TYPE_CHECKING:
    from kingfisher_sdk.core import Finding

WINDOW = 8 << 20
"""The bytes that are scanned at once."""

OVERLAP = 64 << 10
"""The bytes at the end of a window that are scanned again with the next one. No credential is longer."""

NEAR = 8 << 10
"""The largest distance, in bytes, between the two parts of a credential, such as the name of a key and the key."""

INSTALL = "pip install 'ctxstore[secrets]'"

PRIVATE_KEY = "private-key"

BORDER = re.compile(rb"\}[ \t]*,?\r?\n[ \t]*\{|\n## (?:User|Assistant|System|Tool)\b")
"""The border of two messages in an export: two records of JSON, or a heading of Markdown."""

_IDENTIFIER = re.compile(rb"[A-Za-z]+(?:[_-][A-Za-z]+)+\Z")
_IDENTIFIER_LENGTH = 24
"""The shortest finding, in bytes, that is taken for a name in a program."""

_ESCAPES = ((b"\\\\", b" \\"), (b"\\n", b" \n"), (b"\\r", b" \n"), (b"\\t", b" \t"), (b'\\"', b' "'))

_CODED = re.compile(rb"\\+(?:u00([2-7][0-9A-Fa-f])|/)")
"""An escape that JSON allows for an ASCII character (``\\u0067``, ``\\/``), escaped any number of times.

Some programs escape characters without need. A credential in their output would otherwise not be found, and remain in a
redacted export.
"""


class SecretSpan(NamedTuple):
    """A credential in some bytes: its position from `start` to `stop`, its kind, and its text without white space."""

    start: int
    stop: int
    kind: str
    secret: bytes


class Window(NamedTuple):
    """The bytes of a stream from `offset` on, and the credentials in them, in order and without overlaps.

    Positions of the credentials count from the start of the window.
    """

    offset: int
    data: bytes
    spans: list[SecretSpan]


Scan = Callable[[bytes], list[SecretSpan]]


@cache
def load_scanner() -> Scan:
    """Returns the function that finds credentials in bytes. Raises `NotFound` if the library is not installed.

    The first use on a machine takes some seconds, because the library compiles its rules. Later uses take less than a
    second. The scanner never uses the network: only the other part of the library does, which is not imported.
    """
    try:
        from kingfisher_sdk import Scanner
    except ImportError as error:
        raise NotFound("the package that finds credentials is not installed", hint=INSTALL) from error
    with _translated_errors():
        scanner = Scanner()

    def scan(data: bytes) -> list[SecretSpan]:
        plain = unescape(data)
        with _translated_errors():
            found = _filter_findings(plain, scanner.scan(plain))
        return _with_rules(plain, list(_within_messages(plain, found)))

    return through_escapes(scan)


@contextmanager
def _translated_errors() -> Iterator[None]:
    """Translates errors of the library to `CtxstoreError`, without their messages, which may quote credentials."""
    try:
        yield
    except (RuntimeError, ValueError, OSError, TypeError, KeyError) as error:
        raise CtxstoreError(f"the package that finds credentials failed: {type(error).__name__}") from error


def unescape(data: bytes) -> bytes:
    """Replaces JSON's two-character escapes by a space and the character, so that positions stay the same.

    A ``\\n`` in a transcript then ends a word, as it does in the original text. Text that was escaped several times,
    such as a file in a tool's output, is handled too.
    """
    if b"\\" not in data:
        return data
    for escape, plain in _ESCAPES:
        data = data.replace(escape, plain)
    return data


def through_escapes(scan: Scan) -> Scan:
    """Returns a scan of the bytes with escapes of ASCII characters decoded. Positions refer to the original bytes."""

    def scan_decoded(data: bytes) -> list[SecretSpan]:
        codes = list(_CODED.finditer(data)) if b"\\u00" in data or b"\\/" in data else []
        if not codes:
            return scan(data)
        removed = [0, *accumulate(len(code.group()) - 1 for code in codes)]
        starts = [code.start() - before for code, before in zip(codes, removed, strict=False)]

        def original(position: int) -> int:
            return position + removed[bisect_left(starts, position)]

        plain = _CODED.sub(_decode_escape, data)
        return [span._replace(start=original(span.start), stop=original(span.stop)) for span in scan(plain)]

    return scan_decoded


def _decode_escape(code: re.Match[bytes]) -> bytes:
    """Returns the character of an escape."""
    return bytes((int(code[1], 16),)) if code[1] else b"/"


def _filter_findings(data: bytes, findings: list[Finding]) -> list[SecretSpan]:
    """Returns the findings as spans in order.

    Drops findings inside another one, names in a program that resemble keys, and parts without their other half.
    """
    complete = [_to_span(data, finding) for finding in findings if finding.visible]
    parts = [_to_span(data, finding) for finding in findings if not finding.visible]
    near = [part for part in parts if any(_belongs_to(part, span) for span in complete)]
    spans: list[SecretSpan] = []
    for span in sorted([*complete, *near], key=lambda span: (span.start, -span.stop)):
        is_inside = bool(spans) and span.start < spans[-1].stop
        if span.secret and not is_inside and not _is_identifier(span.secret):
            spans.append(span)
    return spans


def _within_messages(data: bytes, spans: list[SecretSpan]) -> Iterator[SecretSpan]:
    """Cuts each span at the end of its message, because a finding in one message must not hide text of the next."""
    for span in spans:
        border = BORDER.search(data, span.start, span.stop)
        if border is None:
            yield span
        elif border.start() > span.start:
            yield _span_of(data, span.start, border.start(), span.kind)


def _with_rules(data: bytes, spans: list[SecretSpan]) -> list[SecretSpan]:
    """Adds the findings of our own rules.

    A private key replaces overlapping findings, because the library joins a cut key to the end of another key.
    """
    own = [_span_of(data, match.start, match.stop, match.kind) for match in find_by_rules(data)]
    keys = [span for span in own if span.kind == PRIVATE_KEY]
    others = [span for span in (*spans, *own) if span.kind != PRIVATE_KEY and not _overlaps(span, keys)]
    merged: list[SecretSpan] = []
    for span in sorted((*keys, *others), key=lambda span: (span.start, -span.stop)):
        if not merged or span.start >= merged[-1].stop:
            merged.append(span)
    return merged


def _overlaps(span: SecretSpan, keys: list[SecretSpan]) -> bool:
    """Whether a span shares bytes with one of the keys."""
    return any(span.start < key.stop and key.start < span.stop for key in keys)


def _span_of(data: bytes, start: int, stop: int, kind: str) -> SecretSpan:
    """Builds a span from its position."""
    return SecretSpan(start, stop, kind, b"".join(data[start:stop].split()))


def _to_span(data: bytes, finding: Finding) -> SecretSpan:
    """Converts a finding of the library to a span, without white space and quotes at its ends."""
    start, stop = finding.location["start_offset"], finding.location["end_offset"]
    while start < stop and data[start] in b" \t\n\"'\\":
        start += 1
    while start < stop and data[stop - 1] in b" \t\n\"'\\":
        stop -= 1
    _, _, rule = finding.rule_id.partition(".")
    kind = re.sub(r"[^a-z0-9]+", "-", rule.lower()).strip("-") or "credential"
    secret = b"".join(finding.secret.encode("utf-8", "surrogateescape").split())
    return SecretSpan(start, stop, kind, secret)


def _belongs_to(part: SecretSpan, span: SecretSpan) -> bool:
    """Whether a part is near a credential of the same service. A kind starts with the name of the service."""
    is_same_service = part.kind.partition("-")[0] == span.kind.partition("-")[0]
    return is_same_service and abs(part.start - span.start) < NEAR


def _is_identifier(secret: bytes) -> bool:
    """Whether a finding is a name in a program rather than a credential: joined words without a digit."""
    return len(secret) >= _IDENTIFIER_LENGTH and _IDENTIFIER.match(secret) is not None


def iter_windows(blocks: Iterable[bytes], scan: Scan) -> Iterator[Window]:
    """Splits a stream into windows with their credentials. The bytes of the windows, joined, are the stream.

    Each window is scanned together with the `OVERLAP` bytes on either side. A window ends outside of the credentials
    that are found, so that none is split.
    """
    # `data` starts at `offset` in the stream. Its first `done` bytes were in windows before, and are scanned again.
    data, offset, done = b"", 0, 0
    for block in _join_blocks(blocks):
        data += block
        if len(data) - done < WINDOW + OVERLAP:
            continue
        spans = _after(done, scan(data))
        at = _cut_between(spans, len(data) - OVERLAP)
        yield _window(data[done:at], offset + done, done, [span for span in spans if span.stop <= at])
        start = max(0, at - OVERLAP)
        data, offset, done = data[start:], offset + start, at - start
    yield _window(data[done:], offset + done, done, _after(done, scan(data)) if data[done:] else [])


def _window(data: bytes, offset: int, start: int, spans: list[SecretSpan]) -> Window:
    """Builds a window from spans whose positions count from `start` bytes before it."""
    return Window(offset, data, [span._replace(start=span.start - start, stop=span.stop - start) for span in spans])


def _after(done: int, spans: list[SecretSpan]) -> list[SecretSpan]:
    """Returns the spans that end after position `done`, each cut to start at `done` or later."""
    return [span._replace(start=max(done, span.start)) for span in spans if span.stop > done]


def _cut_between(spans: list[SecretSpan], at: int) -> int:
    """Returns a position at or after `at` that is not inside a credential."""
    for span in spans:
        if span.start < at < span.stop:
            return span.stop
    return at


def _join_blocks(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Joins blocks to at least `WINDOW` bytes, so that a window is not copied for each of many small blocks."""
    pieces: list[bytes] = []
    size = 0
    for block in blocks:
        pieces.append(block)
        size += len(block)
        if size >= WINDOW:
            yield b"".join(pieces)
            pieces, size = [], 0
    yield b"".join(pieces)
