"""File descriptors that are closed when nothing refers to them, and that a forked child does not keep.

A signal handler may raise an exception between any two calls, also between the opening of a file and the `try` that
closes it.
"""

from __future__ import annotations

import os
from functools import partial

from ctxstore.forks import GUARD, call_in_child

_kept: set[int] = set()
"""The descriptors that are open for writing or own a lock, of this process. Not those inherited from its parent."""


class Descriptor(int):
    """An open file descriptor."""

    __slots__ = ()

    def __del__(self) -> None:
        if _kept is not None:  # it is None when the interpreter ends
            close(self)


class _Closed(int):
    """A descriptor that was closed. Its number may belong to another file by now."""

    __slots__ = ()


def open_descriptor(path: str, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> Descriptor:
    """Opens a file as `os.open` does."""
    # One call of C code both opens the file and makes the object that closes it. So no exception can come in between.
    opener = partial(os.open, mode=mode, dir_fd=dir_fd)
    if not flags & (os.O_WRONLY | os.O_RDWR):
        return next(map(Descriptor, map(opener, (path,), (flags,))))
    with GUARD:
        fd = next(map(Descriptor, map(opener, (path,), (flags,))))
        _kept.add(int(fd))  # not the object: it must be dropped with the last reference to it
        return fd


def close(fd: int) -> None:
    """Closes a descriptor, unless it is closed. Ignores errors: everything that must be durable was synced before."""
    if fd in _kept:
        with GUARD:
            _kept.discard(fd)
            _close(fd)
    else:
        _close(fd)


def _close(fd: int) -> None:
    if isinstance(fd, Descriptor):
        try:
            # Python handles signals after calls only. So nothing comes between this assignment and the call.
            fd.__class__ = _Closed  # type: ignore[assignment]
            os.close(fd)
        except OSError:
            pass


def is_kept(fd: int) -> bool:
    """Whether this process opened a descriptor for writing. False in a child that inherited it."""
    return fd in _kept


def _drop_kept() -> None:
    """Replaces a child's copies of the parent's descriptors, so that a lock dies with the parent.

    Their numbers stay in use: code that still closes them must not close other files. Writing to them fails.
    """
    if not _kept:
        return
    try:
        null = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        for fd in _kept:
            os.close(fd)
    else:
        for fd in _kept:
            os.dup2(null, fd, inheritable=False)
        os.close(null)
    _kept.clear()


call_in_child(_drop_kept)
