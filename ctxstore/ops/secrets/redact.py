"""Credentials blotted out of an export. What is stored stays as it is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from ctxstore.history.engine import Engine
from ctxstore.ops.secrets.allowlist import read_allowed
from ctxstore.ops.secrets.detector import Scan, SecretSpan, Window, iter_windows, load_scanner, through_escapes
from ctxstore.ops.secrets.masking import fingerprint_of

_SHORTEST = 8
"""Characters of a credential that is looked for wherever it stands."""

_MOST = 5_000
"""Different credentials that are looked for so."""

_ESCAPE_BEFORE = re.compile(rb"(?<!\\)(?:\\\\)*(\\(?:u[0-9A-Fa-f]{0,3})?)\Z")
_QUOTE = re.compile(rb'(?<!\\)(?:\\\\)*"')
_RUN = re.compile(rb"[A-Za-z0-9+/=_.-]{8,}")


def redact(engine: Engine, export: Callable[[], Iterable[bytes]]) -> Iterator[bytes]:
    """What `export` gives, twice alike, without credentials. JSON stays JSON: only text within strings is replaced.

    The first time through finds them; the second replaces each wherever it stands, also where its surroundings do not
    give it away. Raises `NotFound` without the library.
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
    finder = _with_known(scan, known)
    for window in iter_windows(export(), finder):
        yield _blotted(engine, window)


def _with_known(scan: Scan, known: dict[bytes, SecretSpan]) -> Scan:
    """Finds what `scan` finds of `known`, and all else that is equal."""
    values = sorted((secret for secret in known if len(secret) >= _SHORTEST), key=len, reverse=True)[:_MOST]
    pattern = re.compile(b"|".join(map(re.escape, values)) or rb"(?!)")

    def find(data: bytes) -> list[SecretSpan]:
        equal = [
            SecretSpan(match.start(), match.end(), known[match[0]].kind, match[0]) for match in pattern.finditer(data)
        ]
        spans: list[SecretSpan] = []
        found = [span for span in scan(data) if span.secret in known]
        for span in sorted([*found, *equal], key=lambda span: (span.start, -span.stop)):
            if not spans or span.start >= spans[-1].stop:
                spans.append(span)
        return spans

    return through_escapes(find)


def _blotted(engine: Engine, window: Window) -> bytes:
    pieces: list[bytes] = []
    at = 0
    for span in window.spans:
        start, stop = _whole_escapes(window.data, max(at, span.start), span.stop)
        label = f"[REDACTED:{span.kind}:{fingerprint_of(engine, span.secret)[:8]}]".encode()
        pieces += [window.data[at:start], _replaced(window.data[start:stop], label)]
        at = stop
    return b"".join([*pieces, window.data[at:]])


def _replaced(piece: bytes, label: bytes) -> bytes:
    """The label; of a piece that spans several strings, one for every run of characters, so that quotes stay."""
    return _RUN.sub(label, piece) if _QUOTE.search(piece) else label


def _whole_escapes(data: bytes, start: int, stop: int) -> tuple[int, int]:
    """Moves the ends out of escapes of JSON that they would cut in two."""
    before = _ESCAPE_BEFORE.search(data[max(0, start - 64) : start])
    if before is not None:
        start -= len(before[1])
    after = _ESCAPE_BEFORE.search(data[max(start, stop - 64) : stop])
    if after is not None:
        stop += 5 - len(after[1]) + 1 if after[1].startswith(b"\\u") else 1
        if after[1] == b"\\" and data[stop - 1 : stop] == b"u":
            stop += 4
    return start, min(stop, len(data))
