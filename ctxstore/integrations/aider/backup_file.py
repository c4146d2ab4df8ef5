"""Writes a backup as a JSON file, in the folder that extn_aider uses."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterable, Iterator

from ctxstore.errors import InvalidInput, StorageError

ROOT = ".extn_aider"


def write_backup_file(project: str, folder: str, stem: str, blocks: Iterable[bytes]) -> str:
    """Writes ``STEM_TIME.json`` atomically, and returns its path. Never overwrites a file.

    Raises `InvalidInput`, `StorageError`.
    """
    target = os.path.join(project, ROOT, "temp", folder)
    try:
        _make_folder(project, target)
        fd, pending = tempfile.mkstemp(prefix=".", suffix=".part", dir=target)
        try:
            with os.fdopen(fd, "wb") as file:
                for block in blocks:
                    file.write(block)
                file.flush()
                os.fsync(fd)
            return _publish(pending, os.path.join(target, f"{stem}_{time.strftime('%Y-%m-%d_%H_%M_%S')}"))
        finally:
            if os.path.lexists(pending):
                os.unlink(pending)
    except OSError as error:
        path = os.fsdecode(error.filename or target)
        raise StorageError(
            f"the file was not written: {path}: {error.strerror}",
            hint="the commit is saved: `ctx export --format aider-backup` writes it elsewhere",
        ) from error


def _make_folder(project: str, folder: str) -> None:
    """Creates the folder, readable by its owner only and ignored by git: it contains messages and files."""
    root = os.path.join(project, ROOT)
    if not os.path.lexists(root):
        os.mkdir(root, mode=0o700)
        with open(os.path.join(root, ".gitignore"), "x") as file:
            file.write("*\n")
    os.makedirs(folder, mode=0o700, exist_ok=True)
    if os.path.realpath(folder) != os.path.join(os.path.realpath(project), ROOT, "temp", os.path.basename(folder)):
        raise InvalidInput(f"{folder} is a link out of the project", hint="remove the link")


def _publish(pending: str, stem: str) -> str:
    """Renames the file to the first free name, so that two backups within a second do not collide."""
    for name in _names(stem):
        try:
            os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))  # reserves the name
        except FileExistsError:
            continue
        os.replace(pending, name)
        return name
    raise AssertionError("`_names` never ends")


def _names(stem: str) -> Iterator[str]:
    yield f"{stem}.json"
    number = 2
    while True:
        yield f"{stem}_{number}.json"
        number += 1
