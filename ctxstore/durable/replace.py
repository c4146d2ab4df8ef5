"""The writing of the user's files, each whole or not at all, also after a power cut."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from ctxstore.durable.new_file import NewFile, own_as_folder, remove_leftovers
from ctxstore.durable.sync import sync_folder, sync_folder_at

PRIVATE = 0o600
"""The mode of new files."""


def replace_file(
    path: str, blocks: Iterable[bytes], *, new_mode: int = PRIVATE, check: Callable[[], None] | None = None
) -> int:
    """Writes a file durably, in place of an existing one, and returns its size.

    The existing file's mode and owner are kept. A link at `path` is kept, too: the file it leads to is replaced.
    `check` is called just before the file gets its name, and may raise. Raises `OSError`.
    """
    real = os.path.realpath(path)
    name = os.path.basename(real)
    with _open_folder(os.path.dirname(real)) as folder:
        before = _find(folder, name)
        if before is not None and not stat.S_ISREG(before.st_mode):
            raise OSError(0, "not a regular file", path)
        with _written(folder, blocks, before.st_mode if before else new_mode, before) as (file, size):
            if check is not None:
                check()
            file.rename(folder, name)
        sync_folder(folder)
    return size


def create_file(folder: str, names: Iterable[str], blocks: Iterable[bytes], *, mode: int = PRIVATE) -> tuple[str, int]:
    """Writes a new file durably, under the first of the names that is free. Returns its path and size.

    Raises `FileExistsError` if no name is free, and any other `OSError`.
    """
    with _open_folder(folder) as fd:
        with _written(fd, blocks, mode, None) as (file, size):
            name = _link_to_free_name(file, fd, names)
        sync_folder(fd)
    return os.path.join(folder, name), size


def remove_file(path: str) -> None:
    """Removes a file durably. Raises `OSError`."""
    os.unlink(path)
    sync_folder_at(os.path.dirname(os.path.abspath(path)))


def make_folders(path: str, mode: int = 0o700) -> None:
    """Makes a folder and the missing ones above it, durably. Raises `OSError`."""
    missing = []
    above = os.path.abspath(path)
    while not os.path.isdir(above) and os.path.dirname(above) != above:
        missing.append(above)
        above = os.path.dirname(above)
    for folder in reversed(missing):
        with _open_folder(os.path.dirname(folder)) as parent:
            try:
                os.mkdir(folder, mode)
            except FileExistsError:
                if not os.path.isdir(folder):
                    raise
            else:
                own_as_folder(parent, os.path.basename(folder))
            sync_folder(parent)


@contextmanager
def _written(
    folder: int, blocks: Iterable[bytes], mode: int, before: os.stat_result | None
) -> Iterator[tuple[NewFile, int]]:
    """Yields a complete, synced file without its final name, and its size. Removes it if it gets none."""
    remove_leftovers(folder)
    file, size = NewFile(folder), 0
    try:
        for block in blocks:
            file.write(block)
            size += len(block)
        file.keep_owner(before or os.fstat(folder))
        file.set_mode(mode)
        file.sync()
        yield file, size
    finally:
        file.discard(folder)


def _link_to_free_name(file: NewFile, folder: int, names: Iterable[str]) -> str:
    """Gives a file the first of the names that is free."""
    for name in names:
        try:
            file.link(folder, name)
        except FileExistsError:
            continue
        return name
    raise FileExistsError


@contextmanager
def _open_folder(path: str) -> Iterator[int]:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield fd
    finally:
        os.close(fd)


def _find(folder: int, name: str) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
