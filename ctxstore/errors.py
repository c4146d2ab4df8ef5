"""The errors that ctxstore raises on purpose.

They form families by what the caller can do next. Each family has one exit code of the command line:

====================  ====  =====================================================
family                code  what to do
====================  ====  =====================================================
`InvalidInput`        2     correct the argument
`NotFound`            3     name something that exists
`Conflict`            4     read the newer state, decide, try again
`Corrupt`             5     run ``ctx check``. Other data stays readable
`StorageError`        6     free space, fix permissions, try again
`SourceError`         7     make the agent's data readable, try again
====================  ====  =====================================================

The exit code of other errors is 1. An error's `hint` is the next step for a person.
"""

from __future__ import annotations


class CtxstoreError(Exception):
    """The base class of all errors that ctxstore raises."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __reduce__(self) -> tuple[object, ...]:
        # By default, pickle would call the class with the message alone.
        return _restore, (type(self), self.args, self.__dict__)


def _restore(kind: type[CtxstoreError], args: tuple[object, ...], state: dict[str, object]) -> CtxstoreError:
    """Restores a pickled error without calling its constructor, whose arguments vary."""
    error = kind.__new__(kind, *args)
    error.__dict__.update(state)
    return error


class InvalidInput(CtxstoreError):
    """An argument, a revision or a value is invalid and would fail again."""

    exit_code = 2


class RepositoryClosed(InvalidInput):
    """A closed repository, or something that was read from it on demand, was used."""

    def __init__(self) -> None:
        super().__init__("the repository is closed", hint="open it again, or use it before the end of its block")


class NotFound(CtxstoreError):
    """A repository, context, revision, path or object does not exist."""

    exit_code = 3


class Conflict(CtxstoreError):
    """The state changed in the meantime, or something that exists prevents the operation."""

    exit_code = 4


class RefMoved(Conflict):
    """A ref was not updated because another writer moved it: `ref` is now at `actual`, not at `expected`."""

    def __init__(self, ref: str, expected: bytes | None, actual: bytes | None) -> None:
        super().__init__(
            f"{ref!r} moved since it was read",
            hint="read it again, apply the change to its newer state and commit again",
        )
        self.ref = ref
        self.expected = expected
        self.actual = actual


class AlreadyExists(Conflict):
    """The thing to be created exists already, and was not overwritten."""


class Corrupt(CtxstoreError):
    """Stored bytes are not the bytes that were written."""

    exit_code = 5

    def __init__(self, message: str, *, hint: str = "run `ctx check --read-data` to see what is affected") -> None:
        super().__init__(message, hint=hint)


class UnknownFormat(CtxstoreError):
    """The repository has a format version that this release does not know."""


class StorageError(CtxstoreError):
    """The storage failed: no space, no permission, an I/O error."""

    exit_code = 6


class NoSpace(StorageError):
    """The disk or a quota is full."""


class SourceError(CtxstoreError):
    """Some or all of an agent's files could not be read."""

    exit_code = 7


def require_text(value: object, what: str) -> None:
    """Raises `InvalidInput` if a caller's value is not a str. Called early: later, other data may already be stored."""
    if not isinstance(value, str):
        raise InvalidInput(f"{what} must be a str, not {type(value).__name__}")
