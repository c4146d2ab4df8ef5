"""What hooks asked for and is not done yet: a small file each, and one process at a time that works them off.

A storm of hooks leaves one file for each session, and one process. Who puts a request and then can't have the lock may
go: whoever has it looks once more after letting go.
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

from ctxstore.integrations.hooks.request import Request
from ctxstore.integrations.state_folders import make_folders

LONGEST = 1 << 15
KEPT = 7 * 24 * 3600.0
"""Seconds after which what could not be done is given up, such as for a repository that is no more. Each start of a
session looks at everything anyway."""

TICK = 0.02
"""Seconds between two attempts to have the lock."""

_TAKEN = ".taken"


class QueuedRequest(NamedTuple):
    """A request somebody works on, and the file that stands for it meanwhile."""

    name: str
    request: Request


class Queue:
    """The requests in a folder, which is made when it is needed."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def put(self, request: Request) -> None:
        """Keep a request; it takes the place of one for the same. Raises `OSError`."""
        make_folders(self.folder)
        kind = "session" if request.session else "everything"
        name = f"{request.agent}-{kind}-{blake3(repr(request.key).encode()).hexdigest(8)}.json"
        path = os.path.join(self.folder, name)
        pending = f"{path}.{os.getpid()}.new"
        with open(os.open(pending, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "w") as file:
            json.dump(request._asdict(), file)
        os.replace(pending, path)

    def names(self) -> set[str]:
        """The requests nobody works on."""
        return {name for name in self._list() if name.endswith(".json")}

    def take(self) -> list[QueuedRequest]:
        """All there are, sessions before everything; also what somebody had taken who was killed. Under the lock."""
        taken = []
        for name in self._list():
            if name.endswith((".json", _TAKEN)):
                one = self._take(name.removesuffix(_TAKEN), is_taken=name.endswith(_TAKEN))
                if one is not None:
                    taken.append(one)
        unique = {one.name: one for one in taken}
        return sorted(unique.values(), key=lambda one: not one.request.session)

    def _take(self, name: str, *, is_taken: bool) -> QueuedRequest | None:
        path = os.path.join(self.folder, name)
        try:
            if not is_taken:
                os.replace(path, path + _TAKEN)
            if os.stat(path + _TAKEN).st_mtime < time.time() - KEPT:
                self.done(name)
                return None
            with open(path + _TAKEN, encoding="utf-8", opener=_only_a_file) as file:
                return QueuedRequest(name, _decode(file.read(LONGEST)))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError):
            self.done(name)
            return None

    def done(self, name: str) -> None:
        """A request that was taken is fulfilled."""
        try:
            os.unlink(os.path.join(self.folder, name + _TAKEN))
        except OSError:
            pass

    def give_back(self, name: str) -> None:
        """A request that was taken could not be fulfilled: the next hook tries again."""
        path = os.path.join(self.folder, name)
        if os.path.lexists(path):
            self.done(name)  # it was asked for again meanwhile
        else:
            os.replace(path + _TAKEN, path)

    @contextmanager
    def lock(self, patience: float) -> Iterator[bool]:
        """Whether the right to work was had, within so many seconds; for the length of the block."""
        until = time.monotonic() + patience
        fd = os.open(os.path.join(self.folder, "lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
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
        raise TypeError("no request")
    return request


def _only_a_file(path: str, flags: int) -> int:
    """Opens a file without waiting: a FIFO of that name would hold up everything that is to be saved."""
    fd = os.open(path, flags | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise ValueError("not a file")
    return fd
