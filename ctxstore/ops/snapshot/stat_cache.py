"""The stat cache: size, times and inode of each file when it was last saved. Unchanged files need not be read.

The cache may be deleted at any time. Without it every file is read again and found unchanged. docs/format/cache.md
describes the file.
"""

import os
import stat
from collections.abc import Mapping
from types import NoneType
from typing import Any, NamedTuple

from blake3 import blake3

from ctxstore.errors import Corrupt
from ctxstore.history.commits import (
    Summary,
    decode_integer,
    decode_summary,
    decode_text,
    encode_summary,
    encode_text,
)
from ctxstore.ids import ID_SIZE, ObjectId, as_id
from ctxstore.objects.encoding import decode_structure, encode_structure
from ctxstore.sources.protocol import FoundContext, FoundFile
from ctxstore.storage.caches import read_cache, write_cache
from ctxstore.trees.entries import encode_key

VERSION = 1

MAX_CACHE = 256 << 20
"""A larger cache file is ignored. These bytes suffice for about a million files."""

GRANULARITY_NS = 50_000_000
"""The margin within which file times are not trusted.

Kernels stamp files with a tick of up to 10 ms. A file changed this shortly before a scan may be written again after the
scan and keep the same stamp.
"""
COARSE_GRANULARITY_NS = 2_000_000_000
"""The same margin for file systems that store times in full seconds."""


class StatRow(NamedTuple):
    """A file as last saved: its key, its stamp (size, mtime, ctime, inode, mode) and its encoded tree entry."""

    key: bytes
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    mode: int
    entry: bytes

    def is_trusted(self, scanned_at: int) -> bool:
        """Whether an equal stamp proves that the file was not written since the scan at `scanned_at` (ns)."""
        newest = max(self.mtime_ns, self.ctime_ns)
        coarse = newest % 1_000_000_000 == 0
        return newest < scanned_at - (COARSE_GRANULARITY_NS if coarse else GRANULARITY_NS)


_ROW = (bytes, int, int, int, int, int, bytes)


class SavedContext(NamedTuple):
    """A context as last saved: its newest commit, that commit's summary, and its files in order.

    `raw_rows` is None if the context's files had vanished. The summary and the rows stay encoded until they are used,
    because most are never used.
    """

    head: ObjectId
    summary_fields: list[Any]
    raw_rows: list[Any] | None

    @property
    def summary(self) -> Summary:
        """The decoded summary of the commit."""
        return decode_summary(self.summary_fields)

    @property
    def rows(self) -> list[StatRow] | None:
        """The decoded rows of the files, or None if they had vanished."""
        return None if self.raw_rows is None else [StatRow(*row) for row in self.raw_rows]


def make_saved_context(head: ObjectId, summary: Summary, rows: list[StatRow] | None) -> SavedContext:
    """Encodes a context for the cache."""
    return SavedContext(head, encode_summary(summary), rows)


class StatCache(NamedTuple):
    """The cached contexts of one home.

    `scanned_at` (ns) is when the scan of the files began. `refs` is the refs map after it, or None if unknown.
    """

    scanned_at: int
    refs: ObjectId | None
    contexts: Mapping[str, SavedContext]


EMPTY = StatCache(0, None, {})


def cache_path(folder: str | None, source: str, root: str, machine: str) -> str | None:
    """Returns the path of the cache file for one home of one machine, or None without a cache folder."""
    if folder is None:
        return None
    name = blake3(encode_text(f"{source}\0{root}\0{machine}")).hexdigest(length=16)
    return os.path.join(folder, f"stat-{name}")


def load_cache(path: str | None) -> StatCache:
    """Reads the cache. Returns an empty one if the file is missing, damaged or of another version."""
    if path is None:
        return EMPTY
    data = read_cache(path, MAX_CACHE)
    if data is None:
        return EMPTY
    body = data[ID_SIZE:]
    if blake3(body).digest() != data[:ID_SIZE]:
        return EMPTY
    try:
        return _decode(decode_structure(body))
    except (Corrupt, TypeError, ValueError):
        return EMPTY


def _decode(value: Any) -> StatCache:
    """Decodes the cache file's body. Returns an empty cache if it has another version."""
    version, scanned_at, refs, contexts = value
    if version != VERSION or type(contexts) is not list:
        return EMPTY
    saved = {decode_text(name): _decode_context(*rest) for name, *rest in contexts}
    return StatCache(decode_integer(scanned_at), as_id(refs), saved)


def _decode_context(head: Any, summary_fields: Any, rows: Any) -> SavedContext:
    """Checks the types of one context's record. Raises `TypeError` if they are wrong."""
    decode_summary(summary_fields)
    if rows is not None and not all(tuple(map(type, row)) == _ROW for row in rows):
        raise TypeError("not a row")
    if as_id(head) is None or type(rows) not in (list, NoneType):
        raise TypeError("not a context")
    return SavedContext(head, summary_fields, rows)


def save_cache(path: str | None, cache: StatCache) -> None:
    """Replaces the cache file. Ignores failures, because a missing cache only makes the next snapshot slower."""
    if path is None:
        return
    contexts = [
        [encode_text(name), saved.head, saved.summary_fields, saved.raw_rows] for name, saved in cache.contexts.items()
    ]
    body = encode_structure([VERSION, cache.scanned_at, cache.refs, contexts])
    write_cache(path, blake3(body).digest(), body)


def is_unchanged(context: FoundContext, saved: SavedContext | None, scanned_at: int) -> bool:
    """Whether the stat cache proves, without reading any file, that a context is unchanged.

    `scanned_at` (ns) is the time of the scan that wrote the cache.
    """
    rows = saved.raw_rows if saved is not None else None
    if rows is None or len(rows) != len(context.files):
        return False
    return all(matches(file, StatRow(*row), scanned_at) for file, row in zip(context.files, rows, strict=True))


def matches(file: FoundFile, row: StatRow, scanned_at: int) -> bool:
    """Whether a file's stat equals its cached row, and that row can be trusted."""
    now = file.stat
    if now.st_mode != row.mode or now.st_mtime_ns != row.mtime_ns or encode_key(file.key) != row.key:
        return False
    if stat.S_ISDIR(now.st_mode):
        return True  # the files in a folder have their own rows
    is_same = now.st_size == row.size and now.st_ctime_ns == row.ctime_ns and now.st_ino == row.inode
    return is_same and row.is_trusted(scanned_at)
