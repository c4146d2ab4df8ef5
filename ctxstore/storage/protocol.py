"""The interface of a storage: a place that keeps the bytes of a repository.

Every value except the root is immutable, and is written once under a name that is never used again.
The root is one small value that changes only by compare-and-swap.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from ctxstore.errors import Conflict, StorageError

MAX_ROOT = 16 << 20
"""The largest root in bytes."""


class StoredValue(NamedTuple):
    """A stored value: its key and its size in bytes."""

    key: str
    size: int


class SwapLost(Conflict):
    """Another process swapped the root first. The caller must read the root and decide again."""

    def __init__(self) -> None:
        super().__init__("the repository changed in the meantime", hint="run the command again")


class Unsettled(StorageError):
    """The root was replaced, but a crash may undo that. The caller must not rely on the new root."""


class Sink(Protocol):
    """A value that is being written in pieces."""

    def write(self, data: bytes) -> None:
        """Appends `data`. Raises `StorageError`."""


class Presence(Protocol):
    """The announcement of a writer. While it lasts, no process deletes values that this writer may rely on."""

    def alone(self) -> bool:
        """Tries to become the only writer. Returns False if another one is present.

        If it returns True, new writers wait until this one leaves or calls `share`.
        """

    def share(self) -> None:
        """Lets other writers in again."""


class Storage(Protocol):
    """Keeps values under keys and swaps the root. Keys are ``folder/name``: ASCII letters, digits, ``-`` and ``.``.

    Every implementation guarantees the following (tests/storage/test_contract.py tests each of them):

    * When `put` returns or the block of `create` has ended, the complete value survives a crash.
    * A value never changes. `put` and `create` refuse a key that exists.
    * `swap` is atomic and durable: after a crash the root is the old one or the new one. The previous root is
      available as ``root.old``, if the place can keep it.
    * Any call may raise `StorageError`. A failed write may leave a partial value under its key, which nothing
      refers to.
    """

    def exists(self) -> bool:
        """Whether the place contains a repository: True from the first `swap` on.

        False for a place that does not exist, that contains something else, or where `initialise` was interrupted.
        """

    def initialise(self) -> None:
        """Makes a new or empty place ready for a repository, durably.

        Completes the work of an interrupted call. Raises `AlreadyExists`, and changes nothing, if the place contains
        a repository or anything that is not part of one. Of two processes that call it at once, both may succeed:
        the first `swap` decides which repository it is.
        """

    def prepare(self) -> None:
        """Creates what the place needs and lacks, durably, whether it contains a repository or not."""

    def get(self, key: str, offset: int = 0, length: int | None = None) -> bytes:
        """Returns at most `length` bytes of a value from `offset`, or all from there. Raises `NotFound`."""

    def size(self, key: str) -> int:
        """Returns the size of a value in bytes. Raises `NotFound`."""

    def next_data(self, key: str, offset: int) -> int | None:
        """Returns the first offset from `offset` that was ever written, or None if none was. Raises `NotFound`.

        The bytes before it are zeros. A place that does not know this returns `offset`.
        """

    def put(self, key: str, data: bytes) -> None:
        """Stores `data` under a new key, durably. Raises `AlreadyExists`."""

    def create(self, key: str) -> AbstractContextManager[Sink]:
        """Opens a new value for writing in pieces. It is durable when the block ends without an exception.

        Raises `AlreadyExists`.
        """

    def confirm(self, key: str) -> None:
        """Makes an existing value durable. Its writer may have been killed before it did so. Raises `NotFound`."""

    def delete(self, key: str) -> None:
        """Deletes a value. Does nothing if it does not exist."""

    def quarantine(self, key: str) -> str:
        """Moves a damaged value to ``quarantine/``, where only repair reads it. Returns its new key.

        Needs no space. Never replaces a value in ``quarantine/``, but uses another name. Raises `NotFound`.
        """

    def list(self, folder: str) -> Iterator[StoredValue]:
        """Yields all values in a folder, in any order."""

    def read_root(self) -> bytes | None:
        """Returns the root's bytes, or None before the first swap. Of a larger value, returns `MAX_ROOT` + 1 bytes."""

    def swap(self, expected: bytes | None, new: bytes) -> None:
        """Replaces the root if it is still `expected`. Raises `SwapLost` if it is not.

        After a `StorageError`, the swap may or may not have happened, and the root shows which. `Unsettled` means
        that it happened, but that a crash may undo it.
        """

    def settle(self) -> None:
        """Makes the present root durable. Required before deleting values that the root does not list."""

    def presence(self) -> AbstractContextManager[Presence]:
        """Announces a writer for the duration of the block."""

    def keep_reserve(self) -> None:
        """Reserves some space for the time when the place is full. Does nothing if there is no space to reserve."""

    def spend_reserve(self) -> bool:
        """Frees the reserved space. Returns False if none was reserved."""

    def cache_folder(self) -> str | None:
        """Returns a local folder for caches, or None if the place has none. The folder may not exist.

        Raises `StorageError` if a link is in its place.

        Each cache file belongs to one module, which alone reads and writes it (docs/format/cache.md). That module
        must work without the file and with any content in it. The storage itself never reads a cache.
        """

    def remove_caches(self) -> None:
        """Removes all caches, as far as possible. Readers create them again."""
