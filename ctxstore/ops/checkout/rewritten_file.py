"""Files that are not written as stored: with another session id, with another folder, or shortened."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from blake3 import blake3

from ctxstore.ops.content.view import View
from ctxstore.sources.resumable import RestoreFile

DEFAULT_MODE = 0o600
"""The mode of a file that has no stored original."""


class RewrittenFile(NamedTuple):
    """A file as it will be written.

    `read` returns the same bytes on every call, and `digest` is their BLAKE3 hash. `is_made`: the source makes the
    file, and no commit contains it.
    """

    mode: int
    mtime_ns: int
    size: int
    digest: bytes
    read: Callable[[], Iterator[bytes]]
    is_made: bool = False


def rewrite_file(view: View, file: RestoreFile, now: int) -> RewrittenFile:
    """Applies the source's edit to a stored file. The modification time is `now` (ns) for new files.

    Raises `NotFound`, `Corrupt`, and whatever the edit raises.
    """
    edit, origin = file.edit, file.origin
    assert edit is not None

    def read() -> Iterator[bytes]:
        return edit(view.iter_bytes(origin) if origin is not None else iter(()))

    entry = view.get_file(origin) if origin is not None else None
    size, hasher = 0, blake3()
    for block in read():
        size += len(block)
        hasher.update(block)
    return RewrittenFile(
        entry.mode if entry else DEFAULT_MODE,
        now if file.is_new or entry is None else entry.mtime_ns,
        size,
        hasher.digest(),
        read,
        is_made=origin is None,
    )


def matches_digest(rewritten: RewrittenFile, blocks: Iterator[bytes]) -> bool:
    """Whether `blocks` are the bytes of the file."""
    hasher = blake3()
    for block in blocks:
        hasher.update(block)
    return bool(hasher.digest() == rewritten.digest)
