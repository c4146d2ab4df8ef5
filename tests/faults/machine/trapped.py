"""A storage in which an event occurs in the middle of a program's calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from ctxstore.storage.caches import empty_folder
from ctxstore.storage.protocol import Presence, Sink, Storage, StoredValue


class Crashed(BaseException):
    """The end of a program. It is not an `Exception`, so that no code handles it."""


class Trap:
    """An event at the `at`-th call from now on that changes the storage.

    A crash may occur at any of them. Commands of others run only before the swap of the root, so that the order of two
    programs' ops is known, and only while the lock admits them.
    """

    def __init__(self, at: int, action: Callable[[], None], *, is_crash: bool) -> None:
        self._left = at
        self._action = action
        self.is_crash = is_crash
        self.is_sprung = False

    @property
    def has_crashed(self) -> bool:
        return self.is_crash and self.is_sprung

    def step(self) -> None:
        if not self.is_sprung and self._left == 0:
            self.is_sprung = True
            self._action()
        self._left -= 1


class Trapped:
    """A storage with a trap."""

    def __init__(self, inner: Storage, cache: str | None) -> None:
        self._inner = inner
        self._cache = cache
        self._is_alone = False
        self.trap: Trap | None = None

    def _step(self, *, late: bool = False) -> None:
        if self.trap is not None and (self.trap.is_crash or not (late or self._is_alone)):
            self.trap.step()

    def exists(self) -> bool:
        return self._inner.exists()

    def initialise(self) -> None:
        self._inner.initialise()

    def prepare(self) -> None:
        self._inner.prepare()

    def get(self, key: str, offset: int = 0, length: int | None = None) -> bytes:
        return self._inner.get(key, offset, length)

    def size(self, key: str) -> int:
        return self._inner.size(key)

    def put(self, key: str, data: bytes) -> None:
        self._step()
        self._inner.put(key, data)

    def create(self, key: str) -> AbstractContextManager[Sink]:
        return self._create(key)

    @contextmanager
    def _create(self, key: str) -> Iterator[Sink]:
        self._step()
        with self._inner.create(key) as sink:
            yield sink
            self._step()

    def delete(self, key: str) -> None:
        self._step(late=True)
        self._inner.delete(key)

    def list(self, folder: str) -> Iterator[StoredValue]:
        return self._inner.list(folder)

    def read_root(self) -> bytes | None:
        return self._inner.read_root()

    def swap(self, expected: bytes | None, new: bytes) -> None:
        self._step()
        self._inner.swap(expected, new)
        self._step(late=True)

    def settle(self) -> None:
        self._inner.settle()

    @contextmanager
    def presence(self) -> Iterator[Presence]:
        with self._inner.presence() as presence:
            try:
                yield _Presence(self, presence)
            finally:
                self._is_alone = False

    def keep_reserve(self) -> None:
        self._inner.keep_reserve()

    def spend_reserve(self) -> bool:
        return self._inner.spend_reserve()

    def cache_folder(self) -> str | None:
        return self._cache

    def remove_caches(self) -> None:
        if self._cache is not None:
            empty_folder(self._cache)


class _Presence:
    def __init__(self, storage: Trapped, inner: Presence) -> None:
        self._storage = storage
        self._inner = inner

    def alone(self) -> bool:
        self._storage._is_alone = self._inner.alone()
        return self._storage._is_alone

    def share(self) -> None:
        self._inner.share()
        self._storage._is_alone = False
