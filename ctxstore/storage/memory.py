"""A storage in memory, for tests and for programs that discard their history."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain, count

from ctxstore.errors import AlreadyExists, NotFound
from ctxstore.storage.protocol import Presence, StoredValue, SwapLost


class MemoryStorage:
    """Keeps values in a dict. Thread-safe."""

    def __init__(self) -> None:
        self._values: dict[str, bytes] = {}
        self._root: bytes | None = None
        self._lock = threading.Lock()
        self._writers = _Writers()

    def exists(self) -> bool:
        return self._root is not None

    def initialise(self) -> None:
        if self.exists():
            raise AlreadyExists("a repository already exists in this memory", hint="open it, or use another one")

    def prepare(self) -> None:
        pass

    def get(self, key: str, offset: int = 0, length: int | None = None) -> bytes:
        data = self._find(key)
        return data[offset:] if length is None else data[offset : offset + length]

    def size(self, key: str) -> int:
        return len(self._find(key))

    def _find(self, key: str) -> bytes:
        try:
            return self._values[key]
        except KeyError:
            raise NotFound(f"{key} is not in the repository") from None

    def next_data(self, key: str, offset: int) -> int | None:
        return offset if offset < self.size(key) else None

    def put(self, key: str, data: bytes) -> None:
        with self._lock:
            if key in self._values:
                raise AlreadyExists(f"{key} is already in the repository")
            self._values[key] = bytes(data)

    @contextmanager
    def create(self, key: str) -> Iterator[_MemorySink]:
        if key in self._values:
            raise AlreadyExists(f"{key} is already in the repository")
        sink = _MemorySink()
        yield sink
        self.put(key, b"".join(sink.parts))

    def delete(self, key: str) -> None:
        with self._lock:
            self._values.pop(key, None)

    def quarantine(self, key: str) -> str:
        with self._lock:
            data = self._find(key)
            names = chain((key,), (f"{key}.{number}" for number in count(1)))
            moved = next(new for name in names if (new := f"quarantine/{name.rpartition('/')[2]}") not in self._values)
            self._values[moved] = data
            del self._values[key]
        return moved

    def list(self, folder: str) -> Iterator[StoredValue]:
        with self._lock:
            found = [StoredValue(key, len(data)) for key, data in self._values.items() if key.startswith(folder + "/")]
        return iter(found)

    def read_root(self) -> bytes | None:
        return self._root

    def swap(self, expected: bytes | None, new: bytes) -> None:
        with self._lock:
            if self._root != expected:
                raise SwapLost
            if self._root is not None:
                self._values["root.old"] = self._root
            self._root = new

    def confirm(self, key: str) -> None:
        self._find(key)

    def settle(self) -> None:
        pass

    @contextmanager
    def presence(self) -> Iterator[Presence]:
        self._writers.enter()
        presence = _MemoryPresence(self._writers)
        try:
            yield presence
        finally:
            self._writers.leave(presence)

    def keep_reserve(self) -> None:
        pass

    def spend_reserve(self) -> bool:
        return False

    def cache_folder(self) -> str | None:
        return None

    def remove_caches(self) -> None:
        pass


class _MemorySink:
    __slots__ = ("parts",)

    def __init__(self) -> None:
        self.parts: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.parts.append(bytes(data))


class _Writers:
    """Counts the present writers. One of them can become the only one, until it leaves or lets others in."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._present = 0
        self._alone: object | None = None

    def enter(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._alone is None)
            self._present += 1

    def claim(self, presence: object) -> bool:
        with self._changed:
            if self._present == 1 and self._alone is None:
                self._alone = presence
            return self._alone is presence

    def share(self, presence: object) -> None:
        with self._changed:
            if self._alone is presence:
                self._alone = None
            self._changed.notify_all()

    def leave(self, presence: object) -> None:
        with self._changed:
            self._present -= 1
            if self._alone is presence:
                self._alone = None
            self._changed.notify_all()


class _MemoryPresence:
    __slots__ = ("_writers",)

    def __init__(self, writers: _Writers) -> None:
        self._writers = writers

    def alone(self) -> bool:
        return self._writers.claim(self)

    def share(self) -> None:
        self._writers.share(self)
