"""Changes of settings files: planned, shown, and made only if nobody else changed the files meanwhile."""

from __future__ import annotations

import difflib
import os
import stat
from collections.abc import Sequence
from typing import NamedTuple

from ctxstore.errors import Conflict, InvalidInput, StorageError
from ctxstore.integrations.state_folders import make_folders

LARGEST = 16 << 20
"""Bytes of a settings file that is believed to be one."""


class SettingsChange(NamedTuple):
    """A file as it is and as it is to be; None: not there."""

    path: str
    before: bytes | None
    after: bytes | None
    mode: int = 0o600

    @property
    def verb(self) -> str:
        """What is done."""
        if self.before == self.after:
            return "keep"
        if self.before is None:
            return "create"
        return "remove" if self.after is None else "edit"

    def diff(self) -> list[str]:
        """The change in lines, as `diff -u` has them."""
        old, new = ((data or b"").decode("utf-8", "replace").splitlines() for data in (self.before, self.after))
        return list(difflib.unified_diff(old, new, self.path, self.path, lineterm="", n=1))


class SettingsPlan(NamedTuple):
    """What an installation, or its removal, changes. `folders` are removed afterwards if they are empty."""

    agent: str
    changes: Sequence[SettingsChange]
    folders: Sequence[str] = ()
    notes: Sequence[str] = ()

    @property
    def is_empty(self) -> bool:
        """Whether all is as it is to be."""
        return all(change.verb == "keep" for change in self.changes)

    def execute(self) -> None:
        """Do it. Raises `Conflict` if a file changed since, `StorageError`."""
        for change in self.changes:
            if change.verb != "keep":
                _apply(change)
        for folder in sorted(self.folders, key=len, reverse=True):
            try:
                os.rmdir(folder)
            except OSError:
                pass  # not empty, or gone


def read(path: str) -> bytes | None:
    """A file's bytes, None if it is not there. Raises `InvalidInput`, `StorageError`."""
    try:
        with open(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise InvalidInput(f"{path} is no file", hint="move it away")  # one might be waited for for ever
            data = file.read(LARGEST + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}") from error
    if len(data) > LARGEST:
        raise InvalidInput(f"{path} is too large for a settings file")
    return data


def read_text(path: str) -> str | None:
    """A file's text, None if it is not there. Raises `InvalidInput`, `StorageError`."""
    data = read(path)
    try:
        return data.decode("utf-8") if data is not None else None
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path} is no UTF-8 text", hint="correct it first; nothing was changed") from error


def encoded(text: str) -> bytes:
    """Text for a settings file. Raises `InvalidInput` for what has no UTF-8, as some paths."""
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InvalidInput("a path that is not UTF-8 can't be put into settings") from error


def _apply(change: SettingsChange) -> None:
    path = os.path.realpath(change.path)  # settings are often links into a folder that is kept elsewhere
    if read(path) != change.before:
        raise Conflict(f"{change.path} changed meanwhile", hint="run it again")
    try:
        if change.after is None:
            os.unlink(path)
        else:
            _write(path, change.after, change.mode)
    except OSError as error:
        raise StorageError(f"{error.filename or path}: {error.strerror}") from error


def _write(path: str, data: bytes, mode: int) -> None:
    """Replace a file, whole or not at all, and keep its mode."""
    make_folders(os.path.dirname(path))
    try:
        mode = stat.S_IMODE(os.stat(path).st_mode)
    except FileNotFoundError:
        pass
    pending = f"{path}.{os.getpid()}.new"
    try:
        fd = os.open(pending, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(fd, "wb") as file:
            file.write(data)
            os.fchmod(fd, mode)
            os.fsync(fd)
        os.replace(pending, path)
    finally:
        if os.path.lexists(pending):
            os.unlink(pending)
