"""The redaction of credentials in an export. Stored content does not change."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from ctxstore.history.engine import Engine
from ctxstore.ops.secrets.allowlist import read_allowed
from ctxstore.ops.secrets.detector import Scan, SecretSpan, Window, iter_windows, load_scanner, through_escapes
from ctxstore.ops.secrets.masking import fingerprint_of

_SHORTEST = 8
"""The shortest credential, in bytes, that is replaced wherever its bytes occur."""

_MOST = 5_000
"""The most different credentials that are replaced wherever their bytes occur."""

_ESCAPE_BEFORE = re.compile(rb"(?<!\\)(?:\\\\)*(\\(?:u[0-9A-Fa-f]{0,3})?)\Z")
_QUOTE = re.compile(rb'(?<!\\)(?:\\\\)*"')
_RUN = re.compile(rb"[A-Za-z0-9+/=_.-]{8,}")


def redact(engine: Engine, export: Callable[[], Iterable[bytes]]) -> Iterator[bytes]:
    """Yields the blocks of an export with credentials replaced. JSON stays valid, because only text in strings changes.

    `export` is called twice and must return the same bytes. The first pass finds the credentials. The second replaces
    each wherever it occurs, even where its surroundings would not reveal it. Raises `NotFound` without the library.
    """
    scan, allowed = load_scanner(), read_allowed(engine)
    known: dict[bytes, SecretSpan] = {}
    for window in iter_windows(export(), scan):
        for span in window.spans:
            if fingerprint_of(engine, span.secret) not in allowed:
                known.setdefault(span.secret, span)
    if not known:
        yield from export()
        return
    scan_known = _scan_for_known(scan, known)
    for window in iter_windows(export(), scan_known):
        yield _redact_window(engine, window)


def _scan_for_known(scan: Scan, known: dict[bytes, SecretSpan]) -> Scan:
    """Returns a scan for the credentials in `known`: those that `scan` finds, and all other places with equal bytes."""
    values = sorted((secret for secret in known if len(secret) >= _SHORTEST), key=len, reverse=True)[:_MOST]
    pattern = re.compile(b"|".join(map(re.escape, values)) or rb"(?!)")

    def find(data: bytes) -> list[SecretSpan]:
        equal = [
            SecretSpan(match.start(), match.end(), known[match.group()].kind, match.group())
            for match in pattern.finditer(data)
        ]
        spans: list[SecretSpan] = []
        found = [span for span in scan(data) if span.secret in known]
        for span in sorted([*found, *equal], key=lambda span: (span.start, -span.stop)):
            if not spans or span.start >= spans[-1].stop:
                spans.append(span)
        return spans

    return through_escapes(find)


def _redact_window(engine: Engine, window: Window) -> bytes:
    """Replaces the credentials of a window by labels."""
    pieces: list[bytes] = []
    at = 0
    for span in window.spans:
        start, stop = _include_escapes(window.data, max(at, span.start), span.stop)
        label = f"[REDACTED:{span.kind}:{fingerprint_of(engine, span.secret)[:8]}]".encode()
        pieces += [window.data[at:start], _replacement(window.data[start:stop], label)]
        at = stop
    return b"".join([*pieces, window.data[at:]])


def _replacement(piece: bytes, label: bytes) -> bytes:
    """Returns the label. If the piece spans several JSON strings, replaces each run of characters, and keeps quotes."""
    return _RUN.sub(label, piece) if _QUOTE.search(piece) else label


def _include_escapes(data: bytes, start: int, stop: int) -> tuple[int, int]:
    """Extends a range so that it does not cut a JSON escape in two."""
    before = _ESCAPE_BEFORE.search(data[max(0, start - 64) : start])
    if before is not None:
        start -= len(before.group(1))
    after = _ESCAPE_BEFORE.search(data[max(start, stop - 64) : stop])
    if after is not None:
        escape = after.group(1)
        stop += 5 - len(escape) + 1 if escape.startswith(b"\\u") else 1
        if escape == b"\\" and data[stop - 1 : stop] == b"u":
            stop += 4
    return start, min(stop, len(data))
