"""The queue of hooks' pending requests: one small file each, processed by one process at a time.

Many hooks at once leave one file per session, and one process. A process that adds a request but does not get the lock
may exit. The owner of the lock checks for new requests after releasing it.
"""

from __future__ import annotations

import json
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from blake3 import blake3

from ctxstore.durable.replace import make_folders, replace_file
from ctxstore.integrations.hooks.request import Request
from ctxstore.ownership import open_private

MAX_BYTES = 1 << 15
MAX_AGE = 7 * 24 * 3600.0
"""Seconds after which a failing request is dropped, for example because its repository was deleted. Nothing is lost:
each start of a session scans all sessions."""

TICK = 0.02
"""Seconds between two attempts to get the lock."""

_CLAIMED = ".taken"


class QueuedRequest(NamedTuple):
    """A claimed request, and the name of its file."""

    name: str
    request: Request


class Queue:
    """The requests in a folder, which is created with the first request."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def put(self, request: Request) -> None:
        """Adds a request, or replaces a pending one with the same key. Raises `OSError`."""
        make_folders(self.folder)
        kind = "session" if request.session else "everything"
        name = f"{request.agent}-{kind}-{blake3(repr(request.key).encode()).hexdigest(8)}.json"
        replace_file(os.path.join(self.folder, name), [json.dumps(request._asdict()).encode()])

    def names(self) -> set[str]:
        """Returns the names of the requests that are not claimed."""
        return {name for name in self._list() if name.endswith(".json")}

    def claim(self) -> list[QueuedRequest]:
        """Claims all requests, those for a single session first. The caller must have the lock.

        Includes requests that were claimed by a process that was killed.
        """
        claimed: dict[str, QueuedRequest] = {}
        for name in self._list():
            if name.endswith((".json", _CLAIMED)):
                queued = self._claim(name.removesuffix(_CLAIMED), is_claimed=name.endswith(_CLAIMED))
                if queued is not None:
                    claimed[queued.name] = queued
        return sorted(claimed.values(), key=lambda queued: not queued.request.session)

    def _claim(self, name: str, *, is_claimed: bool) -> QueuedRequest | None:
        path = os.path.join(self.folder, name)
        try:
            if not is_claimed:
                os.replace(path, path + _CLAIMED)
            if os.stat(path + _CLAIMED).st_mtime < time.time() - MAX_AGE:
                self.remove(name)
                return None
            with open(path + _CLAIMED, encoding="utf-8", opener=_open_regular_file) as file:
                return QueuedRequest(name, _decode(file.read(MAX_BYTES)))
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
    def lock(self, timeout: float) -> Iterator[bool]:
        """Tries to lock the queue for the block. Yields whether that succeeded within `timeout` seconds."""
        until = time.monotonic() + timeout
        fd = open_private(os.path.join(self.folder, "lock"), os.O_RDWR | os.O_CREAT)
        try:
            is_ours = _try_to_lock(fd)
            while not is_ours and time.monotonic() < until:
                time.sleep(TICK)
                is_ours = _try_to_lock(fd)
            yield is_ours
        finally:
            os.close(fd)

    def _list(self) -> list[str]:
        try:
            return sorted(os.listdir(self.folder))
        except OSError:
            return []


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
