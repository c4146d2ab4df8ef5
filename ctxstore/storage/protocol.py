"""What ctxstore asks of a place that keeps bytes.

Everything but the root is immutable and written once under a name that is never used again.
The root is one small value that changes only by compare-and-swap.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from ctxstore.errors import Conflict, StorageError


class StoredValue(NamedTuple):
    """A stored value: its key and its size in bytes."""

    key: str
    size: int


class SwapLost(Conflict):
    """Somebody else swapped the root first. Read it again and decide anew."""

    def __init__(self) -> None:
        super().__init__("the repository changed in the meantime", hint="try again")


class Unsettled(StorageError):
    """The root was replaced, but whether that survives a crash is unknown: nothing may be built on it."""


class Sink(Protocol):
    """Where a value is written piece by piece."""

    def write(self, data: bytes) -> None:
        """Append `data`. Raises `StorageError`."""


class Presence(Protocol):
    """A writer's presence: while it is held, nobody deletes what this writer may rely on."""

    def alone(self) -> bool:
        """Try to become the only writer: True when no other is present. New ones wait until release, or `share`."""

    def share(self) -> None:
        """Let others in again."""


class Storage(Protocol):
    """Keys are ``folder/name``: ASCII letters, digits, ``-`` and ``.``.

    Guarantees every implementation gives (tests/storage/test_contract.py runs them on each):

    * After `put` or the end of `create` returns, the value survives a crash, whole.
    * A value is never changed in place; `put` and `create` refuse a key that exists.
    * `swap` is atomic and durable: after a crash the root is the old one or the new one. The one before it
      can be got as ``root.old``, if the place can keep it.
    * Any call may raise `StorageError`; a write that raised may have left a partial value under its
      key, which nothing refers to.
    """

    def prepare(self) -> None:
        """Make the place ready for a repository. Raises `StorageError`."""

    def get(self, key: str, offset: int = 0, length: int | None = None) -> bytes:
        """The bytes from `offset`, at most `length` of them. Raises `NotFound`."""

    def size(self, key: str) -> int:
        """The size in bytes. Raises `NotFound`."""

    def put(self, key: str, data: bytes) -> None:
        """Keep `data` under a new key, durably. Raises `AlreadyExists`."""

    def create(self, key: str) -> AbstractContextManager[Sink]:
        """Like `put`, in pieces: durable when the block ends without an exception."""

    def confirm(self, key: str) -> None:
        """Make a value durable that another process wrote, which may have been killed meanwhile. Raises `NotFound`."""

    def delete(self, key: str) -> None:
        """Remove the value; nothing happens when it is not there."""

    def quarantine(self, key: str) -> str:
        """Move a damaged value to ``quarantine/``, where nothing looks for it; its new key. Needs no room.

        What is there already is kept: the new name is another one then. Raises `NotFound`.
        """

    def list(self, folder: str) -> Iterator[StoredValue]:
        """All values in a folder, in no order."""

    def read_root(self) -> bytes | None:
        """The root's bytes, or None before the first swap."""

    def swap(self, expected: bytes | None, new: bytes) -> None:
        """Replace the root if it still is `expected`. Raises `SwapLost` if not.

        A `StorageError` leaves it open whether the swap happened: read the root to know. `Unsettled` says
        that it happened and may be undone by a crash.
        """

    def settle(self) -> None:
        """Make the root as it reads now durable: whoever deletes what it does not list has to ask for that first."""

    def presence(self) -> AbstractContextManager[Presence]:
        """Announce a writer for the length of the block."""

    def keep_reserve(self) -> None:
        """Keep some room back for a time when there is none. That there is no room for it is no error."""

    def spend_reserve(self) -> bool:
        """Give the room back; False when none was kept."""

    def cache_folder(self) -> str | None:
        """A local folder for rebuildable caches, or None when there is none."""
