"""The queue of hooks' pending requests: one small file each, saved by any of the hooks' processes.

Usually one process has the queue's lock and saves all requests, so many hooks at once leave one file per session and
one process. It may be slow, stopped, or at a file that does not end. So each request has a lock as well, and a process
whose request is not begun in time saves it alone. A process that gets neither lock may exit: the owner of a request's
lock checks for a newer request after releasing it, and the owner of the queue's lock for any.
"""

from __future__ import annotations

import json
import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from blake3 import blake3

from ctxstore.durable.replace import make_folders, replace_file
from ctxstore.integrations.hooks.request import Request
from ctxstore.ownership import open_private

MAX_BYTES = 1 << 15
MAX_AGE = 7 * 24 * 3600.0
"""Seconds after which a failing request is dropped, for example because its repository was deleted. Nothing is lost:
each start of a session scans all sessions."""

TICK = 0.02
"""Seconds between two attempts to get a lock."""

_CLAIMED = ".taken"
_EVERYTHING = "-everything-"


class Queue:
    """The requests in a folder, which is created with the first request."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self._claims: int | None = None

    def put(self, request: Request) -> str:
        """Adds a request, or replaces a pending one with the same key. Returns its name. Raises `OSError`."""
        make_folders(self.folder)
        kind = "-session-" if request.session else _EVERYTHING
        name = f"{request.agent}{kind}{blake3(repr(request.key).encode()).hexdigest(8)}.json"
        replace_file(os.path.join(self.folder, name), [json.dumps(request._asdict()).encode()])
        return name

    def pending(self) -> list[str]:
        """Returns the names of the requests that nobody has begun to save, those for a single session first."""
        return _in_order(name for name in self._list() if name.endswith(".json"))

    def names(self) -> list[str]:
        """Returns the names of all requests, including those that are being saved or whose process was killed."""
        return _in_order({name.removesuffix(_CLAIMED) for name in self._list() if name.endswith((".json", _CLAIMED))})

    def claim(self, name: str) -> Request | None:
        """Begins a request, which a killed process may have begun before. The caller must have its lock.

        Returns None if the request is done, too old or invalid.
        """
        path = os.path.join(self.folder, name)
        try:
            try:
                os.replace(path, path + _CLAIMED)
            except FileNotFoundError:
                pass
            if os.stat(path + _CLAIMED).st_mtime < time.time() - MAX_AGE:
                self.remove(name)
                return None
            with open(path + _CLAIMED, encoding="utf-8", opener=_open_regular_file) as file:
                return _decode(file.read(MAX_BYTES))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError):
            self.remove(name)
            return None

    def remove(self, name: str) -> None:
        """Removes a claimed request, because it is done."""
        try:
            os.unlink(os.path.join(self.folder, name + _CLAIMED))
        except OSError:
            pass

    def release(self, name: str) -> None:
        """Returns a claimed request to the queue, because it failed. The next hook retries it."""
        path = os.path.join(self.folder, name)
        if os.path.lexists(path):
            self.remove(name)  # a newer request replaces it
        else:
            os.replace(path + _CLAIMED, path)

    @contextmanager
    def lock(self, keep_waiting: Callable[[], bool]) -> Iterator[bool]:
        """Tries to lock the queue for the block, while `keep_waiting` returns True. Yields whether that succeeded."""
        fd = open_private(os.path.join(self.folder, "lock"), os.O_RDWR | os.O_CREAT)
        try:
            while not (is_ours := _try_to_lock(fd)) and keep_waiting():
                time.sleep(TICK)
            yield is_ours
        finally:
            os.close(fd)

    def lock_request(self, name: str) -> bool:
        """Tries to lock one request. Returns False if another process has the lock.

        A lock is on one byte of a file, chosen by the name: no lock file has to be deleted, which would not be safe.
        """
        from fcntl import LOCK_EX, LOCK_NB, lockf

        if self._claims is None:
            # Kept open: to close the file would release all locks of this process on it.
            self._claims = open_private(os.path.join(self.folder, "claims"), os.O_RDWR | os.O_CREAT)
        try:
            lockf(self._claims, LOCK_EX | LOCK_NB, 1, _byte_of(name))
        except (BlockingIOError, PermissionError):
            return False
        return True

    def unlock_request(self, name: str) -> None:
        """Releases the lock of a request."""
        from fcntl import LOCK_UN, lockf

        assert self._claims is not None
        lockf(self._claims, LOCK_UN, 1, _byte_of(name))

    def note_progress(self) -> None:
        """Shows other processes that the owner of the lock is not stopped or at something slow."""
        os.utime(os.path.join(self.folder, "lock"))

    def progress(self) -> int:
        """Returns a number that changes with each call of `note_progress` by any process."""
        try:
            return os.stat(os.path.join(self.folder, "lock")).st_mtime_ns
        except OSError:
            return 0

    def _list(self) -> list[str]:
        try:
            return sorted(os.listdir(self.folder))
        except OSError:
            return []


def _in_order(names: Iterable[str]) -> list[str]:
    return sorted(names, key=lambda name: (_EVERYTHING in name, name))


def _byte_of(name: str) -> int:
    return int.from_bytes(blake3(name.encode()).digest(7))


def _try_to_lock(fd: int) -> bool:
    from fcntl import LOCK_EX, LOCK_NB, flock

    try:
        flock(fd, LOCK_EX | LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _decode(text: str) -> Request:
    value = json.loads(text)
    request = Request(**value)
    if not all(isinstance(word, str) for word in request):
        raise TypeError("not a request")
    return request


def _open_regular_file(path: str, flags: int) -> int:
    """Opens a file without blocking: a FIFO of that name would block all requests."""
    fd = os.open(path, flags | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise ValueError("not a regular file")
    return fd
