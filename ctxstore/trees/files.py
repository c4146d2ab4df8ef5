"""File content: storing it as chunks, reading it, and comparing two versions."""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import NamedTuple

from blake3 import blake3

from ctxstore.errors import Corrupt
from ctxstore.ids import Kind, ObjectId
from ctxstore.objects.chunker import Chunker
from ctxstore.objects.store import MakesChunks, ObjectWriter
from ctxstore.trees.compare import Difference, differences
from ctxstore.trees.entries import FileEntry
from ctxstore.trees.lists import CHUNKS, leaf, load_list, new_list
from ctxstore.trees.sequence import Builder, Getter, Item, Sequence


class Content(NamedTuple):
    """Stored content: its size in bytes, and the id of its only chunk or, if `is_list`, of its list of chunks.

    `id` is None for empty content.
    """

    size: int
    is_list: bool
    id: ObjectId | None


def write_content(writer: MakesChunks, chunker: Chunker, blocks: Iterable[bytes]) -> Content:
    """Stores a stream of bytes. Writes only chunks that the repository does not have."""
    return _finish(new_list(CHUNKS, writer), _write_chunks(writer, chunker, blocks), 0)


def _write_chunks(writer: MakesChunks, chunker: Chunker, blocks: Iterable[bytes]) -> Iterator[Item]:
    # The innermost loop of every snapshot, so attributes are looked up before it.
    key = writer.keys.key_of(Kind.CHUNK)
    has, add, kind = writer.has, writer.add, int(Kind.CHUNK)
    for chunk in chunker.cut(blocks):
        id = ObjectId(blake3(chunk, key=key).digest())
        if not has(id):
            add(kind, id, chunk)
        yield leaf(id, len(chunk))


class NotAppended(Exception):
    """The stream does not continue the old content, so the caller must store it from the start."""


def append_content(
    writer: ObjectWriter,
    chunker: Chunker,
    old: FileEntry,
    blocks: Iterable[bytes],
    on_new: Callable[[bytes], None] | None,
) -> Content:
    """Stores a stream that starts with the content of `old`. Returns the same result as `write_content`.

    Compares the old part of the stream with the old chunks by hash, and cuts only the rest. A cut depends on the bytes
    before it. So all old chunks are also chunks of the new content, except the last one, which the old end cut short.

    `on_new`, if given, is called with each block of new bytes. They must start a line. Raises `NotAppended` if the
    stream starts differently, if `old` is empty, or if `on_new` is given and `old` ends within a line.
    """
    sequence = content_sequence(writer, old)
    if sequence is None:
        raise NotAppended
    stream = _Stream(blocks)
    key = writer.keys.key_of(Kind.CHUNK)
    last = b""
    for size, id, _ in sequence.leaves():
        last = stream.read(size)
        if blake3(last, key=key).digest() != id:
            raise NotAppended
    if on_new is not None and not last.endswith(b"\n"):
        raise NotAppended
    builder = new_list(CHUNKS, writer)
    builder.copy(sequence, 0, sequence.count - 1)
    rest = stream.rest() if on_new is None else _call_with_each(stream.rest(), on_new)
    new = _write_chunks(writer, chunker, chain((last,), rest))
    kept = old.size - len(last)
    return _finish(builder, new, kept)


def _call_with_each(blocks: Iterable[bytes], callback: Callable[[bytes], None]) -> Iterator[bytes]:
    for block in blocks:
        callback(block)
        yield block


def _finish(builder: Builder, items: Iterable[Item], size: int) -> Content:
    for item in items:
        builder.push(item)
        size += item[0]
    if not size:
        return Content(0, False, None)
    first = builder.levels[0]
    if len(builder.levels) == 1 and len(first) == 1:
        return Content(size, False, first[0][1])
    return Content(size, True, builder.finish())


class _Stream:
    """A reader of exact numbers of bytes from an iterable of blocks."""

    __slots__ = ("_at", "_block", "_blocks")

    def __init__(self, blocks: Iterable[bytes]) -> None:
        self._blocks = iter(blocks)
        self._block = b""
        self._at = 0

    def read(self, size: int) -> bytes:
        """Returns the next `size` bytes, or fewer at the end of the stream."""
        while len(self._block) - self._at < size:
            more = next(self._blocks, None)
            if more is None:
                break
            self._block = self._block[self._at :] + more
            self._at = 0
        start = self._at
        self._at = min(start + size, len(self._block))
        return self._block[start : self._at]

    def rest(self) -> Iterator[bytes]:
        """Yields the bytes that were not read yet."""
        if self._at < len(self._block):
            yield self._block[self._at :]
        yield from self._blocks


def content_items(getter: Getter, entry: FileEntry) -> list[Item]:
    """Returns the list items of a file's chunks."""
    sequence = content_sequence(getter, entry)
    return list(sequence.leaves()) if sequence else []


def content_sequence(getter: Getter, entry: FileEntry) -> Sequence | None:
    """Returns a file's chunks as a sequence, or None if the file is empty."""
    if entry.id is None:
        return None
    if entry.is_list:
        return load_list(CHUNKS, getter, entry.id)
    return Sequence(CHUNKS, getter, entry.id, [[leaf(entry.id, entry.size)]])


def read_content(getter: Getter, entry: FileEntry, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
    """Yields a file's bytes from `start` to `stop`, chunk by chunk. Checks every chunk.

    Raises `Corrupt`, `NotFound`.
    """
    stop = entry.size if stop is None else min(stop, entry.size)
    sequence = content_sequence(getter, entry)
    position = 0
    for size, id, _ in sequence.leaves() if sequence else ():
        if position >= stop:
            return
        if position + size > start:
            data = getter.get(id, Kind.CHUNK)
            if len(data) != size:
                raise Corrupt("the size of a file's chunk does not match its list")
            yield data[max(0, start - position) : stop - position]
        position += size
    if position < stop:
        raise Corrupt("a file's chunks are shorter than its size")


class ByteRange(NamedTuple):
    """A replaced range of a file: bytes `old_start` to `old_stop` became bytes `new_start` to `new_stop`."""

    old_start: int
    old_stop: int
    new_start: int
    new_stop: int


def changed_ranges(getter: Getter, old: FileEntry, new: FileEntry) -> list[ByteRange]:
    """Returns the ranges in which two versions of a file differ, rounded to whole chunks. Reads no content."""
    a, b = content_sequence(getter, old), content_sequence(getter, new)
    if a is None or b is None:
        return [] if a is b else [ByteRange(0, old.size, 0, new.size)]
    return list(_byte_ranges(a, b, differences(a, b)))


def _byte_ranges(a: Sequence, b: Sequence, regions: list[Difference]) -> Iterator[ByteRange]:
    for region in regions:
        old, new = offset_of(a, region.old_start), offset_of(b, region.new_start)
        old_size = sum(item[0] for item in region.old)
        new_size = sum(item[0] for item in region.new)
        yield ByteRange(old, old + old_size, new, new + new_size)


def offset_of(sequence: Sequence, position: int) -> int:
    """Returns the number of bytes before the leaf at `position`. Reads one node per level."""
    items: list[tuple[Item, int]] = list(sequence.tops())
    offset = 0
    while items:
        deeper: list[tuple[Item, int]] = []
        for item, level in items:
            if position >= item[-1]:
                position -= item[-1]
                offset += item[0]
                continue
            if position and level:
                deeper = [(child, level - 1) for child in sequence.children(item, level)]
            break
        items = deeper
    return offset
