"""What hooks asked for and is not done yet: a small file each, and one process at a time that works them off.

A storm of hooks leaves one file for each session, and one process. Who puts a request and then can't have the lock may
go: whoever has it looks once more after letting go.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from blake3 import blake3

from ctxstore.integrations.hooks.request import Request

LONGEST = 1 << 15
_TAKEN = ".taken"


class Taken(NamedTuple):
    """A request somebody works on, and the file that stands for it meanwhile."""

    name: str
    request: Request


class Queue:
    """The requests in a folder, which is made when it is needed."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def put(self, request: Request) -> None:
        """Keep a request; it takes the place of one for the same. Raises `OSError`."""
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
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

    def take(self) -> list[Taken]:
        """All there are, sessions before everything; also what somebody had taken who was killed. Under the lock."""
        taken = []
        for name in self._list():
            if name.endswith((".json", _TAKEN)):
                one = self._take(name.removesuffix(_TAKEN), is_taken=name.endswith(_TAKEN))
                if one is not None:
                    taken.append(one)
        unique = {one.name: one for one in taken}
        return sorted(unique.values(), key=lambda one: not one.request.session)

    def _take(self, name: str, *, is_taken: bool) -> Taken | None:
        path = os.path.join(self.folder, name)
        try:
            if not is_taken:
                os.replace(path, path + _TAKEN)
            with open(path + _TAKEN, encoding="utf-8") as file:
                return Taken(name, _decode(file.read(LONGEST)))
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
    def lock(self, *, wait: bool) -> Iterator[bool]:
        """Whether the right to work was had, for the length of the block."""
        from fcntl import LOCK_EX, LOCK_NB, flock

        fd = os.open(os.path.join(self.folder, "lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            flock(fd, LOCK_EX if wait else LOCK_EX | LOCK_NB)
            yield True
        except BlockingIOError:
            yield False
        finally:
            os.close(fd)

    def _list(self) -> list[str]:
        try:
            return sorted(os.listdir(self.folder))
        except OSError:
            return []


def _decode(text: str) -> Request:
    value = json.loads(text)
    request = Request(**value)
    if not all(isinstance(word, str) for word in request):
        raise TypeError("no request")
    return request
