"""Writes a backup as a JSON file, in the folder that extn_aider uses."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator

from ctxstore.durable.replace import create_file, make_folders
from ctxstore.errors import InvalidInput, StorageError

ROOT = ".extn_aider"


def write_backup_file(project: str, folder: str, stem: str, blocks: Iterable[bytes]) -> str:
    """Writes ``STEM_TIME.json`` durably, and returns its path. Never overwrites a file.

    Raises `InvalidInput`, `StorageError`.
    """
    target = os.path.join(project, ROOT, "temp", folder)
    try:
        _make_folder(project, target)
        return create_file(target, _names(f"{stem}_{time.strftime('%Y-%m-%d_%H_%M_%S')}"), blocks)[0]
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
        make_folders(root)
        create_file(root, [".gitignore"], [b"*\n"], mode=0o644)
    make_folders(folder)
    if os.path.realpath(folder) != os.path.join(os.path.realpath(project), ROOT, "temp", os.path.basename(folder)):
        raise InvalidInput(f"{folder} is a link out of the project", hint="remove the link")


def _names(stem: str) -> Iterator[str]:
    """Yields names, so that two backups within a second do not collide."""
    yield f"{stem}.json"
    number = 2
    while True:
        yield f"{stem}_{number}.json"
        number += 1
