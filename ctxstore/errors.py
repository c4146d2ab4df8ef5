"""Every error ctxstore raises on purpose.

Families say what the caller can do next, and each has one exit code:

====================  ====  =====================================================
family                code  what to do
====================  ====  =====================================================
`InvalidInput`        2     correct the argument
`NotFound`            3     name something that exists
`Conflict`            4     look at the newer state, decide, try again
`Corrupt`             5     run ``ctx check``; other data stays readable
`StorageError`        6     free space, fix permissions, try again
`SourceError`         7     part of an agent's data could not be read
====================  ====  =====================================================

`CtxstoreError` itself is 1. An error's `hint` is the next step for a person.
"""

from __future__ import annotations


class CtxstoreError(Exception):
    """Base of all errors raised by ctxstore."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class InvalidInput(CtxstoreError):
    """An argument, a revision or a value that can never work."""

    exit_code = 2


class NotFound(CtxstoreError):
    """A repository, context, revision, path or object that is not there."""

    exit_code = 3


class Conflict(CtxstoreError):
    """The state moved, or something stands in the way."""

    exit_code = 4


class RefMoved(Conflict):
    """A compare-and-set on a ref lost: `ref` is now at `actual`, not at `expected`."""

    def __init__(self, ref: str, expected: bytes | None, actual: bytes | None) -> None:
        super().__init__(
            f"{ref!r} moved since it was read",
            hint="read it again, apply the change to the newer state, and commit once more",
        )
        self.ref = ref
        self.expected = expected
        self.actual = actual


class AlreadyExists(Conflict):
    """Something that would have been overwritten."""


class Corrupt(CtxstoreError):
    """Stored bytes are not what was written."""

    exit_code = 5

    def __init__(self, message: str, *, hint: str = "run `ctx check --read-data` to see what is affected") -> None:
        super().__init__(message, hint=hint)


class UnknownFormat(CtxstoreError):
    """A repository written in a format version this release does not know."""


class StorageError(CtxstoreError):
    """The storage failed: no space, no permission, an I/O error."""

    exit_code = 6


class NoSpace(StorageError):
    """The disk or a quota is full."""


class SourceError(CtxstoreError):
    """An agent's files could not be read, wholly or in part."""

    exit_code = 7


def require_text(value: object, what: str) -> None:
    """Raises `InvalidInput` unless a program's value is a str: what it is taken for may be stored before it fails."""
    if not isinstance(value, str):
        raise InvalidInput(f"{what} is a str, not {type(value).__name__}")
