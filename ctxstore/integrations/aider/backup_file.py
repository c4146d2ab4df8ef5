"""A backup as a file of its own, beside those that extn_aider writes."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterable, Iterator

from ctxstore.errors import InvalidInput, StorageError

ROOT = ".extn_aider"


def write_new(project: str, folder: str, stem: str, blocks: Iterable[bytes]) -> str:
    """Write ``PREFIX_TIME.json``, whole or not at all and over no other; its path. Raises `StorageError`."""
    place = os.path.join(project, ROOT, "temp", folder)
    try:
        _make(project, place)
        fd, pending = tempfile.mkstemp(prefix=".", suffix=".part", dir=place)
        try:
            with os.fdopen(fd, "wb") as file:
                for block in blocks:
                    file.write(block)
                file.flush()
                os.fsync(fd)
            return _publish(pending, os.path.join(place, f"{stem}_{time.strftime('%Y-%m-%d_%H_%M_%S')}"))
        finally:
            if os.path.lexists(pending):
                os.unlink(pending)
    except OSError as error:
        where = os.fsdecode(error.filename or place)
        raise StorageError(
            f"the file was not written: {where}: {error.strerror}",
            hint="the commit is saved: `ctx export --format aider-backup` writes it elsewhere",
        ) from error


def _make(project: str, place: str) -> None:
    """The folder, readable by its owner only and kept out of git: it holds what was said, and files' contents."""
    root = os.path.join(project, ROOT)
    if not os.path.lexists(root):
        os.mkdir(root, mode=0o700)
        with open(os.path.join(root, ".gitignore"), "x") as file:
            file.write("*\n")
    os.makedirs(place, mode=0o700, exist_ok=True)
    if os.path.realpath(place) != os.path.join(os.path.realpath(project), ROOT, "temp", os.path.basename(place)):
        raise InvalidInput(f"{place} is a link out of the project", hint="remove the link")


def _publish(pending: str, stem: str) -> str:
    """Give the file the first name that is free: two in a second don't collide."""
    for name in _names(stem):
        try:
            os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))  # the name is ours from here on
        except FileExistsError:
            continue
        os.replace(pending, name)
        return name
    raise AssertionError("there is always another number")


def _names(stem: str) -> Iterator[str]:
    yield f"{stem}.json"
    number = 2
    while True:
        yield f"{stem}_{number}.json"
        number += 1
