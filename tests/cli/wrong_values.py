"""Wrong values for each kind of parameter, and the outcome of each."""

from __future__ import annotations

from typing import NamedTuple

DONE = "done"
INVALID = "invalid input"
NOT_FOUND = "not found"
CONFLICT = "conflict"
CORRUPT = "corrupt"
STORAGE = "storage"
OTHER = "other errors"
"""The outcomes, as the table of exit codes in docs/cli.md names them."""

LONG = "x" * 100_000
DIGITS = "9" * 5_000
"""More digits than Python converts to an int."""

CONTEXT = "chat/alice"
ODD = ("a\0b", "\x1b[2Jgone", "caf\udce9", "\ud800", LONG)
"""A NUL byte, a terminal's escape sequence, bytes and surrogates that are not UTF-8, and a long text."""


MEANT = tuple(text for text in ODD if text != "\ud800")
"""The unusual values that a name may still be searched by."""


class Wrong(NamedTuple):
    """A value, the possible ends of the command, and the message's words about the value if it does not repeat the
    value."""

    value: str
    ends: tuple[str, ...]
    named: str = ""


def every(end: str, *values: str) -> tuple[Wrong, ...]:
    """Makes values that all end in the same way."""
    return tuple(Wrong(value, (end,)) for value in values)


REVISION = (
    Wrong(f"{CONTEXT}@{{}}", (INVALID,), "''"),
    Wrong("tag:", (NOT_FOUND,), "''"),
    *every(INVALID, "", "~", "@{}", "@{99999-01-01}", "\ud800", f"{CONTEXT}@{{99999-01-01}}", "twin"),
    *every(INVALID, f"{CONTEXT}@{{{DIGITS} days ago}}", f"{CONTEXT}@{{@{DIGITS}}}"),
    *every(NOT_FOUND, "nope", "..", "op:zz", "0" * 64, "0000", "tag:nope", "setting:retention", "-", *MEANT),
    *every(
        NOT_FOUND,
        f"{CONTEXT}~99999999999999999999",
        f"{CONTEXT}~{DIGITS}",
        f"{CONTEXT}~x",
        f"{CONTEXT}@{{now",
        "nope~1",
    ),
    *every(NOT_FOUND, f"{CONTEXT}@{{1900-01-01}}", f"{CONTEXT}@{{99999999 weeks ago}}"),
)

NO_NAME = every(INVALID, "", "/", "a//b", ".", "..", "a/../b", "a b", "tag:x", "a~1", "a@{1}", "a:b", "*", "a\tb")
ODD_NAME = every(INVALID, "a\0b", "\x1b[2Jgone", "\ud800", LONG)
NEW_NAME = (*NO_NAME, *ODD_NAME, Wrong("chat/bob", (CONFLICT,)))

WHOLE_NAME = every(INVALID, "\ud800") + every(
    NOT_FOUND, "", "alice", "nope", "tag:kept", f"{CONTEXT}~1", "0" * 64, "setting:retention", *MEANT
)
NAMES = (*WHOLE_NAME, *every(NOT_FOUND, "zz*", "[", "tag:*"))

NO_TAG = (*(wrong for wrong in NO_NAME if wrong.value != "tag:x"), Wrong("tag:", (INVALID,), "''"), *ODD_NAME)
NEW_TAG = (*NO_TAG, Wrong("kept", (CONFLICT,)))
OLD_TAG = (*NO_TAG, *every(NOT_FOUND, "nope", "caf\udce9"))

OP = (Wrong("op:", (NOT_FOUND,), "''"), *every(NOT_FOUND, "", "zz", "op:zz", "op:op:", "0" * 64, "-", "tag:kept", *ODD))

NO_POLICY = every(INVALID, "", "-x", "a b", "a/b", "x" * 65, *ODD)
POLICY = (*NO_POLICY, *every(NOT_FOUND, "nope"))

SEARCH = every(DONE, "", "zz", "[", "?*", *ODD)
FINGERPRINT = every(INVALID, "", "x", "0123456789ABCDEF", "0" * 15, "0" * 17, "-", *ODD)
QUERY = (
    *every(DONE, "zz", "a\0b", "\x1b[2Jgone", "caf\udce9"),
    *every(INVALID, "", '"', "-", "\ud800"),
    Wrong(LONG, (INVALID,), "100,000"),
)
SELECTION = (*every(NOT_FOUND, "zz", "[", *ODD), Wrong("", (INVALID,), "empty"))
STANDING_PATTERN = (*every(DONE, "zz", "["), Wrong(LONG, (INVALID,), "too long"))

NO_NUMBER = every(INVALID, "", "x", "-1", "1.5", "1e3", "0x10", "٣x", DIGITS, *ODD)
NUMBER = (*NO_NUMBER, *every(DONE, "99999999999999999999"))
POSITIVE = (*NO_NUMBER, *every(INVALID, "0", "99999999999999999999"))
CHOICE = every(INVALID, "", "x", "JSON", *ODD)

DURATION = every(INVALID, "", "x", "30", "0d", "-1d", "1.5d", "1d1y", "30 d", "9999999y", "99999999d", DIGITS, *ODD)
ZONE = every(INVALID, "", "x", "Nowhere/Land", "../UTC", "/etc/localtime", "+99:99", "+5", DIGITS, *ODD)
PART = every(INVALID, "", "5", "0%", "101%", "-1%", "x%", "1e1%", "0/2", "3/2", "2/", "/2", "1/0", DIGITS, *ODD)
TIME = (
    *every(INVALID, "", "x", "99999-01-01", "2026-13-01", f"@{DIGITS}", f"{DIGITS} days ago", *ODD),
    *every(NOT_FOUND, "1900-01-01", "@0", "99999999 weeks ago"),
)

MOMENT = (
    *every(INVALID, "", "x", "99999-01-01", "2026-13-01", f"@{DIGITS}", f"{DIGITS} days ago", *ODD),
    *every(DONE, "1900-01-01", "@0", "99999999 weeks ago"),
)

# Only paths that a process can receive: no argument has a NUL byte, or surrogates that stand for no byte.
PLACE = (
    *every(NOT_FOUND, "nowhere", "a-folder", "a-file/below", "caf\udce9", "\x1b[2Jgone"),
    *every(NOT_FOUND, "a-file", "a-fifo"),
    *every(INVALID, "s3://bucket"),
    *every(STORAGE, LONG),
    Wrong("", (INVALID,), "empty"),
)
NEW_FOLDER = (
    *every(STORAGE, "a-file", "a-fifo", "a-file/below", "locked/below", LONG),
    Wrong("", (INVALID,), "empty"),
)
NEW_PLACE = (
    *every(CONFLICT, "a-folder", "a-file", "a-fifo"),
    *every(STORAGE, "locked/below", LONG),
    Wrong("a-file/below", (STORAGE,), "a-file"),
    Wrong("", (INVALID,), "empty"),
)
NEW_FILE = (
    *every(CONFLICT, "a-file", "a-folder"),
    *every(STORAGE, "a-fifo", "nowhere/x", "a-file/below", "locked/x", LONG),
    Wrong("", (INVALID,), "empty"),
)
SOURCES = (*every(NOT_FOUND, "nope", "a-file/below", "\x1b[2Jgone", "caf\udce9", LONG), Wrong("", (NOT_FOUND,), "''"))
SESSION = every(NOT_FOUND, "nope", *ODD)
PATH_WITHIN = every(NOT_FOUND, "", "nope", "/", "..", "../a-file", *ODD)
NOTE = (*every(DONE, "", "a\0b", "\x1b[2Jgone", "caf\udce9", "\ud800"), Wrong(LONG, (DONE, INVALID), "note"))

ANYTHING = every(DONE, "", "nope", "{}", "[", *ODD)
"""Payloads of an agent's hook. None of them is refused, because an error would disturb the agent."""
SECONDS = (
    *every(INVALID, "", "x", "0", "-1", "nan", "inf"),
    Wrong("1e9", (INVALID,), "1000000000.0"),
    Wrong(DIGITS, (INVALID,), "inf"),
)

NO_HOME = tuple(Wrong(value, (INVALID,), CONTEXT if value else "empty") for value in ("", "out", *ODD[1:3], LONG))
"""Homes for a context that a program wrote. Such a context has no place in a home."""
NO_SESSION = tuple(Wrong(value, (INVALID,), CONTEXT if value else "") for value in ("", "x", "-", *ODD))
"""Session ids for the same context. It cannot become another session."""
NO_MAPPING = every(INVALID, "", "=", "/a", "/a=", "=/b", "a=b", "/a=b", "/a/../b=/c", *ODD)
