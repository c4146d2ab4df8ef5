"""Planned changes of settings files. A plan is executed only if the files have not changed since."""

from __future__ import annotations

import difflib
import os
import stat
from collections.abc import Sequence
from typing import NamedTuple

from ctxstore.durable.replace import make_folders, remove_file, replace_file
from ctxstore.errors import Conflict, InvalidInput, StorageError

MAX_BYTES = 16 << 20
"""The limit for the size of a settings file."""


class SettingsChange(NamedTuple):
    """A file's content before and after a change. None means that the file does not exist."""

    path: str
    before: bytes | None
    after: bytes | None
    mode: int = 0o600

    @property
    def verb(self) -> str:
        """The kind of change: keep, create, edit or remove."""
        if self.before == self.after:
            return "keep"
        if self.before is None:
            return "create"
        return "remove" if self.after is None else "edit"

    def diff(self) -> list[str]:
        """Returns the change as the lines of a unified diff."""
        old, new = ((data or b"").decode("utf-8", "replace").splitlines() for data in (self.before, self.after))
        return list(difflib.unified_diff(old, new, self.path, self.path, lineterm="", n=1))


class SettingsPlan(NamedTuple):
    """The changes of an installation or its removal. `folders` are removed afterwards if they are empty."""

    agent: str
    changes: Sequence[SettingsChange]
    folders: Sequence[str] = ()
    notes: Sequence[str] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to change."""
        return all(change.verb == "keep" for change in self.changes)

    def execute(self) -> None:
        """Executes the plan. Raises `Conflict` if a file has changed since, `StorageError`."""
        for change in self.changes:
            if change.verb != "keep":
                _apply(change)
        for folder in sorted(self.folders, key=len, reverse=True):
            try:
                os.rmdir(folder)
            except OSError:
                pass  # not empty, or missing


def read_file(path: str) -> bytes | None:
    """Reads a file. Returns None if it does not exist. Raises `InvalidInput`, `StorageError`."""
    try:
        with open(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise InvalidInput(f"{path} is not a regular file", hint="move it away")  # a FIFO may block for ever
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}") from error
    if len(data) > MAX_BYTES:
        raise InvalidInput(f"{path} is too large for a settings file")
    return data


def read_text(path: str) -> str | None:
    """Reads a text file. Returns None if it does not exist. Raises `InvalidInput`, `StorageError`."""
    data = read_file(path)
    try:
        return data.decode("utf-8") if data is not None else None
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path} is not UTF-8 text", hint="correct the file; nothing was changed") from error


def encode_settings(text: str) -> bytes:
    """Encodes text for a settings file. Raises `InvalidInput` for lone surrogates, which occur in paths."""
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InvalidInput("settings cannot contain a path that is not UTF-8") from error


def _apply(change: SettingsChange) -> None:
    path = os.path.realpath(change.path)  # settings are often symbolic links to a folder of dotfiles

    def refuse_changed() -> None:
        if read_file(path) != change.before:
            raise Conflict(f"{change.path} changed meanwhile", hint="run the command again")

    refuse_changed()
    try:
        if change.after is None:
            remove_file(path)
        else:
            make_folders(os.path.dirname(path))
            replace_file(path, [change.after], new_mode=change.mode, check=refuse_changed)
    except OSError as error:
        raise StorageError(f"{error.filename or path}: {error.strerror}") from error
