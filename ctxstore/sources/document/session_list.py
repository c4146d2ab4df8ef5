"""An entry in a list that an agent keeps of its sessions, as JSON: a `Registration`."""

from __future__ import annotations

import os
import stat
import time
from typing import NamedTuple

from ctxstore.durable.replace import replace_file
from ctxstore.errors import Conflict, StorageError
from ctxstore.sources.content import json_object
from ctxstore.sources.document.split_array import Cut, cut

LIMIT = 64 << 20

_STALE = 31
"""Seconds after which a lock beside a list is taken for left over."""


class ListedSession(NamedTuple):
    """An entry in a list of sessions that an agent keeps as JSON. Other entries keep their text.

    - `path`: the file with the list.
    - `name`: the member of each entry that contains the session's id.
    - `id`: the id of this session.
    - `entry`: the entry, a JSON object.
    - `key`: the member of the document that is the list. If it is empty, the document is the list.
    """

    path: str
    name: str
    id: str
    entry: bytes
    key: str = ""

    @property
    def what(self) -> str:
        """For a person."""
        return f"the list of sessions has {self.id}"

    def is_there(self, home: str) -> bool:
        """Whether the agent lists the session."""
        try:
            data = read_list(os.path.join(home, self.path))
        except (OSError, StorageError):
            return False
        found = cut(data, self.key)
        return found is not None and self._is_in(data, found)

    def apply(self, home: str) -> None:
        """Adds the entry after the others. Raises `StorageError`, or `Conflict` if the file is no such list or changes
        meanwhile."""
        path = os.path.realpath(os.path.join(home, self.path))
        try:
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
            _require_unlocked(path)
            before = find_list(path)
            data = read_list(path) if before else b""
            changed = self._added(path, data)
            if changed != data:
                replace_list(path, changed, before)
        except OSError as error:
            raise StorageError(f"{path}: {error.strerror or error}") from error

    def _added(self, path: str, data: bytes) -> bytes:
        data = data if data.strip() else (b'{"%s":[]}' % self.key.encode() if self.key else b"[]")
        found = cut(data, self.key)
        if found is None or not found.is_whole:
            raise Conflict(
                f"{path} is no list of sessions", hint="the agent can't read it either: repair it or move it away"
            )
        if self._is_in(data, found):
            return data
        at = found.records[-1].end if found.records else found.opening + 1
        return data[:at] + (b"," if found.records else b"") + self.entry + data[at:]

    def _is_in(self, data: bytes, found: Cut) -> bool:
        return any(json_object(data[start:end]).get(self.name) == self.id for start, end in found.records)


def _require_unlocked(path: str) -> None:
    try:
        age = time.time() - os.stat(path + ".lock").st_mtime
    except FileNotFoundError:
        return
    if age < _STALE:
        raise Conflict(f"{path} is being changed by the agent", hint="try again")


def find_list(path: str) -> os.stat_result | None:
    """Returns the state of the file at `path`, or None if it is missing. Follows links. Raises `OSError`."""
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None


def read_list(path: str) -> bytes:
    """Returns the content of the list. Raises `OSError`, or `StorageError` if the path is not a file, because reading
    could block."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with open(fd, "rb") as file:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise StorageError(f"{path} is no file")
        data = file.read(LIMIT + 1)
    if len(data) > LIMIT:
        raise StorageError(f"{path} is too large for a list of sessions")
    return data


def replace_list(path: str, data: bytes, before: os.stat_result | None) -> None:
    """Replaces the file, of which `before` is the state when it was read. Raises `OSError`, `Conflict` if it
    changed since."""

    def refuse_changed() -> None:
        if _state(find_list(path)) != _state(before):
            raise Conflict(f"{path} was changed meanwhile", hint="stop the agent that writes it, try again")

    replace_file(path, [data], check=refuse_changed)


def _state(found: os.stat_result | None) -> tuple[int, ...]:
    return (found.st_ino, found.st_size, found.st_mtime_ns) if found else ()
