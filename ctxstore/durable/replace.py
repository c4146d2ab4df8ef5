"""The replacement of one of the user's files, whole or not at all."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from ctxstore.durable.new_file import NewFile, remove_leftovers
from ctxstore.durable.sync import sync_folder, sync_folder_at


def replace_file(
    path: str,
    blocks: Iterable[bytes],
    *,
    mode: int | None = None,
    check: Callable[[], None] | None = None,
    is_new: bool = False,
) -> int:
    """Writes a file durably, and returns its size: after a power cut it has its old content or the new one, whole.

    A link at `path` is kept, and the file it leads to is replaced. Without `mode` a file keeps the mode it has; a new
    file is for its owner only. `check` is called just before the file gets its name, and may raise. With `is_new` an
    existing file is an error.

    Raises `FileExistsError`, and any other `OSError`.
    """
    real = os.path.abspath(path) if is_new else os.path.realpath(path)
    size = 0
    with _open_folder(os.path.dirname(real)) as folder:
        name = os.path.basename(real)
        before = _find(folder, name)
        if before is not None and not is_new and not stat.S_ISREG(before.st_mode):
            raise OSError(0, "not a regular file", path)
        remove_leftovers(folder)
        file = NewFile(folder)
        try:
            for block in blocks:
                file.write(block)
                size += len(block)
            file.keep_owner(before or os.fstat(folder))
            file.set_mode(mode if mode is not None else before.st_mode if before else 0o600)
            file.sync()
            if check is not None:
                check()
            if is_new:
                file.link(folder, name)
            else:
                file.rename(folder, name)
        finally:
            file.discard(folder)
        sync_folder(folder)
    return size


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
        try:
            os.mkdir(folder, mode)
        except FileExistsError:
            if not os.path.isdir(folder):
                raise
        sync_folder_at(os.path.dirname(folder))


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
