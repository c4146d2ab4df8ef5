"""Rules of our own for credentials that the library does not report: cut private keys, headers, environment variables.

All patterns match bytes whose JSON escapes are replaced by `detector.unescape`: a line's end is ``\\n``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_KEY = re.compile(
    rb"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----(?=[ \t\r\\]*\n[ \t\r\n\\]*[A-Za-z0-9+/=:-]{8})"
    rb"(?:[ \t\r\\]*\n[ \t]*(?:[A-Za-z0-9-]{1,30}:[^\n\"]{0,200}|[A-Za-z0-9+/=]{32,}|(?=[ \t\r\\]*\n)))*"
    rb"(?:[ \t\r\\]*\n[ \t]*[A-Za-z0-9+/=]{1,80}(?=[ \t\r\\]*(?:\n[ \t]*-----END|\"|\Z)))?"
    rb"(?:[ \t\r\\]*\n[ \t]*-----END [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----)?"
)
"""A private key. A tool's limit may have cut its end off, so the body ends with the last line that looks like one."""

_HEADER = re.compile(
    rb"(?i)\b(?:proxy-)?authorization[\"' \\]{0,12}[:=][\"' \\]{0,12}(?:bearer|basic|token|apikey|digest)[ \t]+"
    rb"(?P<secret>[A-Za-z0-9._~+/=-]{8,4000})"
)
"""The credential of an HTTP header."""

_VARIABLE = re.compile(
    rb"(?<![A-Za-z0-9_.$])[A-Z][A-Z0-9_]{0,60}(?:SECRET|TOKEN|PASSWORD|PASSWD|API_?KEY|ACCESS_KEY)[A-Z0-9_]{0,20}"
    rb"(?:=|[ \t]*[:=][ \t]*[\"'] ?)(?P<secret>[^\s\"'`\\,;&|<>(){}\[\]$*]{8,1000})(?![(\[{$<])"
)
"""The value of an environment variable whose name says that it is secret."""

_PLACEHOLDER = re.compile(rb"(?i)(?:your|my|the|some|example|changeme|placeholder|dummy|redacted|x{4,}|\.{3,}|-{4,})")
"""The start of a value that stands for a credential."""

_NAME = re.compile(rb"[A-Za-z_]+(?:[._][A-Za-z_0-9]+)+|[A-Z_]+|true|false|none|null|undefined")
"""A name in a program, such as the one of another variable."""


class RuleMatch(NamedTuple):
    """A credential that a rule found, from `start` to `stop`."""

    start: int
    stop: int
    kind: str


def find_by_rules(plain: bytes) -> Iterator[RuleMatch]:
    """Yields the credentials in unescaped bytes, rule by rule."""
    if b"PRIVATE KEY" in plain:
        for match in _KEY.finditer(plain):
            yield RuleMatch(match.start(), match.end(), "private-key")
    for pattern, kind in ((_HEADER, "authorization-header"), (_VARIABLE, "environment-variable")):
        for match in pattern.finditer(plain):
            if _is_value(match["secret"]):
                yield RuleMatch(match.start("secret"), match.end("secret"), kind)


def _is_value(secret: bytes) -> bool:
    """Whether a value is a credential, and no placeholder, path or name."""
    return not (
        b"..." in secret
        or _PLACEHOLDER.match(secret)
        or _NAME.fullmatch(secret)
        or secret.startswith((b"/", b"./", b"~"))
    )
