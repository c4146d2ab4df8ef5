"""The reserve: a file that is deleted when the disk is full, so that a garbage collection has space to begin."""

from __future__ import annotations

from blake3 import blake3

from ctxstore.storage.files import Files

RESERVE = 256 << 10
"""The size of the file in bytes."""


def keep_reserve(files: Files, path: str) -> None:
    """Writes the file, unless it exists in full. Leaves nothing behind if there is no space for it."""
    try:
        try:
            if files.size(path) == RESERVE:
                return
            files.unlink(path)
        except FileNotFoundError:
            pass
        _write(files, path)
    except OSError:
        spend_reserve(files, path)


def _write(files: Files, path: str) -> None:
    fd = files.create(path)
    try:
        # These bytes cannot be compressed or deduplicated by a file system.
        files.write(fd, blake3(b"reserve").digest(length=RESERVE))
        files.sync(fd)
    finally:
        files.close(fd)


def spend_reserve(files: Files, path: str) -> bool:
    """Deletes the file. Returns False if there was none."""
    try:
        files.unlink(path)
    except OSError:
        return False
    return True
