"""The verification of a checkout: reads back the written files and compares them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

from ctxstore.errors import Conflict, StorageError
from ctxstore.history.engine import Engine
from ctxstore.ids import Kind
from ctxstore.objects.store import ObjectStore, ObjectWriter
from ctxstore.ops.checkout.rewritten_file import RewrittenFile, matches_digest
from ctxstore.ops.checkout.target_folder import TargetFolder
from ctxstore.trees.entries import FileEntry
from ctxstore.trees.files import content_sequence

BLOCK = 1 << 20
"""Bytes per read."""


def verify_written(engine: Engine, folder: TargetFolder, path: str, entry: FileEntry | RewrittenFile) -> None:
    """Compares a written file with its entry.

    Raises `StorageError` if the content differs, and `Conflict` if another process wrote the file since.
    """
    if _is_written(engine, folder, path, entry):
        return
    where = os.path.join(folder.path, path)
    found = folder.find(path)
    if found is None or not stat.S_ISREG(found.st_mode) or found.st_mtime_ns != entry.mtime_ns:
        raise Conflict(
            f"{where} was changed just after it was restored",
            hint="stop the agent that writes it, then run the checkout again",
        )
    raise StorageError(f"{where} does not contain what was written to it", hint="the disk may be failing; try another")


def _is_written(engine: Engine, folder: TargetFolder, path: str, entry: FileEntry | RewrittenFile) -> bool:
    """Whether the file at `path` contains the bytes of the entry."""
    try:
        fd = folder.open_file(path)
    except FileNotFoundError:
        return False
    try:
        if os.fstat(fd).st_size != entry.size:
            return False
        return (
            matches_digest(entry, _blocks(fd))
            if isinstance(entry, RewrittenFile)
            else has_content(engine.store, fd, entry)
        )
    finally:
        os.close(fd)


def has_content(store: ObjectStore | ObjectWriter, fd: int, entry: FileEntry) -> bool:
    """Whether the rest of the file, from the position of `fd` on, consists of exactly the entry's chunks.

    The chunks' ids are hashes of their content, so the store is not read for them.
    """
    sequence = content_sequence(store, entry)
    id_of = store.keys.id_of
    return all(
        id_of(Kind.CHUNK, read_exactly(fd, size)) == id for size, id, _ in (sequence.leaves() if sequence else ())
    )


def _blocks(fd: int) -> Iterator[bytes]:
    """Yields the bytes of a file in blocks."""
    while block := os.read(fd, BLOCK):
        yield block


def read_exactly(fd: int, size: int) -> bytes:
    """Reads `size` bytes, or fewer at the end of the file."""
    data = b""
    while len(data) < size:
        more = os.read(fd, size - len(data))
        if not more:
            break
        data += more
    return data
