"""A list that an agent keeps in a file, which other sessions share: read whole, and replaced whole or not at all."""

from __future__ import annotations

import os
import stat

from ctxstore.errors import Conflict, StorageError

LIMIT = 64 << 20


def find_list(path: str) -> os.stat_result | None:
    """What is there, links followed; ``None`` if nothing is. Raises `OSError`."""
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None


def read_list(path: str) -> bytes:
    """All of it. Raises `OSError`, and `StorageError` for what is no file, which might be waited for for ever."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with open(fd, "rb") as file:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise StorageError(f"{path} is no file")
        data = file.read(LIMIT + 1)
    if len(data) > LIMIT:
        raise StorageError(f"{path} is too large for a list of sessions")
    return data


def replace_list(path: str, data: bytes, before: os.stat_result | None) -> None:
    """Put `data` there, with the mode of what `before` was found. Raises `OSError`, `Conflict` if it changed since."""
    part = f"{path}.ctx-{os.getpid()}"
    mode = before.st_mode & 0o777 if before else 0o600
    try:
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        with open(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(handle, mode)
            os.fsync(handle)
        if _state(find_list(path)) != _state(before):
            raise Conflict(f"{path} was changed meanwhile", hint="stop the agent that writes it, try again")
        os.replace(part, path)
    finally:
        if os.path.lexists(part):
            os.unlink(part)


def _state(found: os.stat_result | None) -> tuple[int, ...]:
    return (found.st_ino, found.st_size, found.st_mtime_ns) if found else ()
