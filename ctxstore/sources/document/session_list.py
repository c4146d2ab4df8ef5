"""An entry in a list that an agent keeps of its sessions, as JSON: a `Registration`."""

from __future__ import annotations

import json
import os
import time
from typing import NamedTuple

from ctxstore.errors import Conflict, StorageError
from ctxstore.sources.document.list_file import find_list, read_list, replace_list
from ctxstore.sources.document.split_array import Cut, cut

_STALE = 31
"""Seconds after which a lock beside a list is taken for left over."""


class ListedSession(NamedTuple):
    """`entry`, a JSON object whose member `name` is `id`, in the list at `path`. `key`: the member of the document that
    is the list, if the document isn't. Other entries keep their text."""

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
        """Add it after the others. Raises `Conflict` for what is no such list, or is being changed; `StorageError`."""
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
        at = found.records[-1][1] if found.records else found.opening + 1
        return data[:at] + (b"," if found.records else b"") + self.entry + data[at:]

    def _is_in(self, data: bytes, found: Cut) -> bool:
        return any(_id_of(data[start:end], self.name) == self.id for start, end in found.records)


def _id_of(record: bytes, name: str) -> object:
    try:
        value = json.loads(record)
    except (ValueError, RecursionError):
        return None
    return value.get(name) if isinstance(value, dict) else None


def _require_unlocked(path: str) -> None:
    try:
        age = time.time() - os.stat(path + ".lock").st_mtime
    except FileNotFoundError:
        return
    if age < _STALE:
        raise Conflict(f"{path} is being changed by the agent", hint="try again")
