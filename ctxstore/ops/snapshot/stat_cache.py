"""What a source's files looked like when they were last saved, so that the unchanged ones need no reading.

A copy that may be deleted at any time: without it everything is read again and found to be the same.
docs/format/cache.md describes it.
"""

import os
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

VERSION = 1

MAX_CACHE = 256 << 20
"""Bytes of a cache that is believed: about a million files."""

GRANULARITY_NS = 50_000_000
"""Kernels stamp files by a tick of up to 10 ms: what was touched this shortly before the last look may have
been touched once more after it, with the same stamp."""
COARSE_GRANULARITY_NS = 2_000_000_000
"""The same for file systems that keep whole seconds."""


class StatRow(NamedTuple):
    """A file as last saved: its key, its stamp (size, mtime, ctime, inode, mode), its encoded tree entry."""

    key: bytes
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    mode: int
    entry: bytes

    def is_trusted(self, looked: int) -> bool:
        """Whether an equal stamp proves that nothing was written since `looked` (ns)."""
        newest = max(self.mtime_ns, self.ctime_ns)
        coarse = newest % 1_000_000_000 == 0
        return newest < looked - (COARSE_GRANULARITY_NS if coarse else GRANULARITY_NS)


_ROW = (bytes, int, int, int, int, int, bytes)


class SavedContext(NamedTuple):
    """A context as last saved: its commit, that commit's summary, its files in order. None: no longer there.

    Summary and rows are as the cache file has them, taken apart when asked for: most never are.
    """

    head: ObjectId
    fields: list[Any]
    raw_rows: list[Any] | None

    @property
    def summary(self) -> Summary:
        """The commit's summary."""
        return decode_summary(self.fields)

    @property
    def rows(self) -> list[StatRow] | None:
        """The files."""
        return None if self.raw_rows is None else [StatRow(*row) for row in self.raw_rows]


def saw(head: ObjectId, summary: Summary, rows: list[StatRow] | None) -> SavedContext:
    """What is remembered of a context."""
    return SavedContext(head, encode_summary(summary), rows)


class StatCache(NamedTuple):
    """All contexts of one root. `looked`: when the look at the files began; `refs`: the refs map then."""

    looked: int
    refs: ObjectId | None
    contexts: Mapping[str, SavedContext]


EMPTY = StatCache(0, None, {})


def cache_path(folder: str | None, source: str, root: str) -> str | None:
    """Where the cache of a source's root is kept."""
    if folder is None:
        return None
    name = blake3(encode_text(f"{source}\0{root}")).hexdigest(length=16)
    return os.path.join(folder, f"stat-{name}")


def load_cache(path: str | None) -> StatCache:
    """The cache, or an empty one when there is none to trust."""
    if path is None:
        return EMPTY
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_CACHE + 1)
    except OSError:
        return EMPTY
    if len(data) > MAX_CACHE:
        return EMPTY
    body = data[ID_SIZE:]
    if blake3(body).digest() != data[:ID_SIZE]:
        return EMPTY
    try:
        return _decode(decode_structure(body))
    except (Corrupt, TypeError, ValueError):
        return EMPTY


def _decode(value: Any) -> StatCache:
    version, looked, refs, contexts = value
    if version != VERSION or type(contexts) is not list:
        return EMPTY
    seen = {decode_text(name): _seen(*rest) for name, *rest in contexts}
    return StatCache(decode_integer(looked), as_id(refs), seen)


def _seen(head: Any, fields: Any, rows: Any) -> SavedContext:
    decode_summary(fields)
    if rows is not None and not all(tuple(map(type, row)) == _ROW for row in rows):
        raise TypeError("not a row")
    if as_id(head) is None or type(rows) not in (list, NoneType):
        raise TypeError("not a context")
    return SavedContext(head, fields, rows)


def save_cache(path: str | None, cache: StatCache) -> None:
    """Replace the cache. A failure costs only time, so it is silent."""
    if path is None:
        return
    contexts = [[encode_text(name), *seen] for name, seen in cache.contexts.items()]
    body = encode_structure([VERSION, cache.looked, cache.refs, contexts])
    pending = f"{path}.{os.getpid()}.new"
    try:
        fd = os.open(pending, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with open(fd, "wb") as file:
            file.write(blake3(body).digest())
            file.write(body)
        os.replace(pending, path)
    except OSError:
        try:
            os.unlink(pending)
        except OSError:
            pass
