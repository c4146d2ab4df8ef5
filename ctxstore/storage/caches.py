"""The files of caches: read, replaced and removed without following links.

Caches are not the repository's data, so they need not be durable.
"""

from __future__ import annotations

import os
import shutil

from ctxstore.storage.failures import ForeignEntry, translated
from ctxstore.storage.files import Files

BESIDE_DATABASE = ("-journal", "-wal", "-shm")
"""The endings of the files that SQLite keeps beside a database."""

_FILES = Files()


def read_cache(path: str, largest: int) -> bytes | None:
    """Returns the content of a cache file.

    Returns None if it does not exist, is larger than `largest` bytes, or cannot be read.
    """
    try:
        data = _FILES.read(path, 0, largest + 1)
    except OSError:
        return None
    return data if len(data) <= largest else None


def write_cache(path: str, *parts: bytes) -> None:
    """Replaces a cache file. A failure only costs time later, so it is silent."""
    pending = f"{path}.{os.getpid()}.new"
    try:
        try:
            fd = _FILES.create(pending)
        except FileExistsError:
            _FILES.unlink(pending)
            fd = _FILES.create(pending)
        try:
            for part in parts:
                _FILES.write(fd, part)
        finally:
            _FILES.close(fd)
        _FILES.rename(pending, path)
    except OSError:
        try:
            _FILES.unlink(pending)
        except OSError:
            pass


def prepare_database(path: str) -> None:
    """Creates the file of a database, unless it exists, before SQLite opens it by its path.

    Raises `OSError` if a link or a special file has its name, or that of a file that SQLite keeps beside it.
    """
    for ending in BESIDE_DATABASE:
        try:
            _FILES.size(path + ending)
        except FileNotFoundError:
            continue
    try:
        # Not opened if it exists: closing any descriptor of a file releases the locks that SQLite has on that file in
        # this process.
        _FILES.close(_FILES.create(path))
    except FileExistsError:
        _FILES.size(path)


def remove_database(path: str) -> None:
    """Removes a database and SQLite's files beside it. Raises `OSError`."""
    for ending in (*BESIDE_DATABASE, ""):
        try:
            _FILES.unlink(path + ending)
        except FileNotFoundError:
            pass


def open_lock_file(path: str) -> int:
    """Opens a file for a lock, and creates it if it does not exist. Raises `StorageError`."""
    with translated(path):
        return _FILES.open_lock_file(path)


def close_lock_file(fd: int) -> None:
    """Closes a file from `open_lock_file`, and so releases its lock."""
    _FILES.unlock(fd)


def empty_folder(path: str) -> None:
    """Removes the content of a folder, as far as possible. Raises `ForeignEntry` if a link is in its place."""
    try:
        names = _FILES.names(path)
    except ForeignEntry:
        raise
    except OSError:
        return
    for name in names:
        child = os.path.join(path, name)
        try:
            # rmtree follows no link, neither at this name nor below it.
            shutil.rmtree(child) if _FILES.is_folder(child) else _FILES.unlink(child)
        except ForeignEntry:
            os.unlink(child)
        except OSError:
            continue
