"""One context into a tree: what is unchanged is taken over, what changed is read."""

import os
import stat
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from ctxstore.errors import SourceError
from ctxstore.history.commits import Summary
from ctxstore.history.engine import Engine
from ctxstore.ids import ObjectId
from ctxstore.objects.store import ObjectWriter
from ctxstore.ops.snapshot.stable_read import Reading, read_stable, stamp_of
from ctxstore.ops.snapshot.stat_cache import SavedContext, StatRow
from ctxstore.ops.snapshot.targets import Target
from ctxstore.progress import Progress
from ctxstore.sources.protocol import Attributes, FoundContext, FoundFile, Scanner, Skipped, Source
from ctxstore.trees.entries import (
    DirEntry,
    Entry,
    FileEntry,
    SymlinkEntry,
    decode_entry,
    decode_key,
    encode_entry,
    encode_key,
)
from ctxstore.trees.files import Content, NotAppended, append_content, write_content


class Captured(NamedTuple):
    """A context as it is now. `rows` are what the stat cache keeps; `attributes` None: the transcript is unchanged."""

    tree: ObjectId
    rows: list[StatRow]
    entries: Mapping[bytes, bytes]
    attributes: Attributes | None


class Base(NamedTuple):
    """What a context was: the entries of its newest commit (read when asked for), and what the cache knows."""

    entries: Callable[[], Mapping[bytes, bytes]]
    seen: SavedContext | None
    looked: int


class _Known(NamedTuple):
    """What is known of a file: its key, its row when it was last saved, its context then, whether it decides the
    context's attributes."""

    key: bytes
    row: StatRow | None
    seen: SavedContext | None
    is_transcript: bool

    @property
    def content(self) -> FileEntry | None:
        """The content it had."""
        entry = decode_entry(self.row.entry) if self.row is not None else None
        return entry if isinstance(entry, FileEntry) else None

    @property
    def attributes(self) -> Attributes | None:
        """What its context's summary said."""
        return Attributes(*self.seen.summary[:5]) if self.seen is not None else None


class Capture:
    """Reads contexts of one source into a transaction."""

    def __init__(
        self, engine: Engine, writer: ObjectWriter, target: Target, *, skipped: list[Skipped], progress: Progress
    ) -> None:
        self._engine = engine
        self._writer = writer
        self._source = target.source
        self._skipped = skipped
        failed = (os.path.relpath(skip.path, target.root.path) for skip in skipped if skip.failed)
        self._unlisted = tuple(encode_key(path) for path in failed)
        self._progress = progress
        self.bytes_read = 0

    def capture(self, context: FoundContext, base: Base, *, only_state: bool) -> Captured:
        """Store what is new of a context. Unreadable files are reported and keep their last state."""
        known = {row.key: row for row in base.seen.rows or ()} if base.seen else {}
        transcript = self._source.transcript(context.name, [file.key for file in context.files])
        rows: list[StatRow] = []
        attributes: Attributes | None = None
        kept = self._left_out(context, base) if only_state else {}
        kept |= self._not_listed(base)
        for file in context.files:
            if only_state and not file.state:
                continue
            key = encode_key(file.key)
            row = known.get(key)
            if row is not None and _matches(file, row, base.looked):
                rows.append(row)
                continue
            try:
                row, found = self._read(context.name, file, _Known(key, row, base.seen, file.key == transcript))
            except SourceError as error:
                self._skipped.append(Skipped(file.path, f"unreadable: {error.message}"))
                if key in base.entries():
                    kept[key] = base.entries()[key]
                continue
            attributes = found or attributes
            rows.append(row)
        entries = {**kept, **{row.key: row.entry for row in rows}}
        return Captured(self._engine.maps.create(self._writer, entries), rows, entries, attributes)

    @staticmethod
    def _left_out(context: FoundContext, base: Base) -> dict[bytes, bytes]:
        """The last state of what an incremental snapshot does not look at."""
        states = {encode_key(file.key) for file in context.files if file.state}
        there = {encode_key(file.key) for file in context.files}
        return {key: entry for key, entry in base.entries().items() if key in there and key not in states}

    def _not_listed(self, base: Base) -> dict[bytes, bytes]:
        """The last state of what could not be looked at, and of what is in folders that could not: it is not known to
        be gone."""
        if not self._unlisted:
            return {}
        below = tuple(key + b"/" for key in self._unlisted)
        return {key: entry for key, entry in base.entries().items() if key in self._unlisted or key.startswith(below)}

    def _read(self, context: str, file: FoundFile, known: _Known) -> tuple[StatRow, Attributes | None]:
        mode = file.stat.st_mode
        if stat.S_ISREG(mode):
            return self._read_file(context, file, known)
        if stat.S_ISLNK(mode):
            entry: Entry = SymlinkEntry(_read_link(file.path), file.stat.st_mtime_ns)
        elif stat.S_ISDIR(mode):
            entry = DirEntry(stat.S_IMODE(mode), file.stat.st_mtime_ns)
        else:
            raise SourceError("not a file, folder or link")
        return StatRow(known.key, *stamp_of(file.stat), encode_entry(entry)), None

    def _read_file(self, context: str, file: FoundFile, known: _Known) -> tuple[StatRow, Attributes | None]:
        store = self._store_virtual if file.content else self._store
        reading, attributes = store(context, file, known)
        content, stamp = reading.value, reading.stamp
        entry = FileEntry(stat.S_IMODE(stamp.mode), stamp.mtime_ns, content.size, content.is_list, content.id)
        # A size of -1 matches no file: what changed under our eyes is read again next time.
        kept = stamp if reading.is_stable else stamp._replace(size=-1)
        return StatRow(known.key, *kept, encode_entry(entry)), attributes

    def _store(self, context: str, file: FoundFile, known: _Known) -> tuple[Reading[Content], Attributes | None]:
        """Read a file into the store; one that only grew costs the comparison of what was there."""
        old = known.content
        if old is not None and old.id is not None and file.stat.st_size >= old.size:
            try:
                return self._store_appended(context, file, old, known)
            except NotAppended:
                pass
        scanner: Scanner | None = None

        def consume(blocks: Iterator[bytes]) -> Content:
            nonlocal scanner
            scanner = self._source.scanner(context, file.key) if known.is_transcript else None
            feed = scanner.feed if scanner else None
            return write_content(self._writer, self._engine.chunker, self._watched(blocks, feed))

        return read_stable(file.path, consume), scanner.finish() if scanner else None

    def _store_virtual(
        self, context: str, file: FoundFile, known: _Known
    ) -> tuple[Reading[Content], Attributes | None]:
        """As `_store`, for what the source itself makes of a database: one version, whatever happens meanwhile."""
        assert file.content is not None
        scanner = self._source.scanner(context, file.key) if known.is_transcript else None
        blocks = self._watched(file.content(), scanner.feed if scanner else None)
        content = write_content(self._writer, self._engine.chunker, blocks)
        return Reading(content, stamp_of(file.stat), True), scanner.finish() if scanner else None

    def _store_appended(
        self, context: str, file: FoundFile, old: FileEntry, known: _Known
    ) -> tuple[Reading[Content], Attributes | None]:
        scanner: Scanner | None = None
        before = known.attributes

        def consume(blocks: Iterator[bytes]) -> Content:
            nonlocal scanner
            scanner = self._source.scanner(context, file.key, before) if known.is_transcript else None
            if scanner is not None and (before is None or before.messages is None):
                raise NotAppended  # the scanner has to see it all
            return append_content(
                self._writer,
                self._engine.chunker,
                old,
                self._watched(blocks),
                scanner.feed if scanner else None,
            )

        reading = read_stable(file.path, consume)
        attributes = scanner.finish() if scanner else None
        if attributes is not None and attributes.messages is None:
            raise NotAppended  # what was added may change the meaning of what precedes
        return reading, attributes

    def _watched(self, blocks: Iterator[bytes], feed: Callable[[bytes], None] | None = None) -> Iterator[bytes]:
        for block in blocks:
            self.bytes_read += len(block)
            self._progress.advance(len(block))
            if feed is not None:
                feed(block)
            yield block


def is_unchanged(context: FoundContext, seen: SavedContext | None, looked: int) -> bool:
    """Whether the stat cache proves that nothing changed, without reading anything."""
    rows = seen.raw_rows if seen is not None else None
    if rows is None or len(rows) != len(context.files):
        return False
    return all(_matches(file, StatRow(*row), looked) for file, row in zip(context.files, rows, strict=True))


def _matches(file: FoundFile, row: StatRow, looked: int) -> bool:
    now = file.stat
    if now.st_mode != row.mode or now.st_mtime_ns != row.mtime_ns or encode_key(file.key) != row.key:
        return False
    if stat.S_ISDIR(now.st_mode):
        return True  # what is in it has rows of its own
    is_same = now.st_size == row.size and now.st_ctime_ns == row.ctime_ns and now.st_ino == row.inode
    return is_same and row.is_trusted(looked)


def _read_link(path: str) -> bytes:
    try:
        return os.fsencode(os.readlink(path))
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}") from error


def summarise(source: Source, name: str, captured: Captured, before: Summary | None) -> Summary:
    """The summary of a captured context; what the transcript says is taken over when it is unchanged."""
    files = [(key, decode_entry(entry)) for key, entry in captured.entries.items()]
    contents = [(key, entry) for key, entry in files if isinstance(entry, FileEntry)]
    found = captured.attributes
    if found is None and before is not None:
        found = Attributes(*before[:5])
        if found.messages and source.transcript(name, [decode_key(key) for key, _ in contents]) is None:
            # The transcript is gone, or a link or a folder now, though other files of the context are not.
            found = found._replace(messages=0)
    found = found or Attributes(agent=source.agent)
    return Summary(
        *found,
        files=len(contents),
        memories=sum(source.is_memory(decode_key(key)) for key, _ in contents),
        bytes=sum(entry.size for _, entry in contents),
    )


def only_times_differ(old: Mapping[bytes, bytes], new: Mapping[bytes, bytes]) -> bool:
    """Whether two trees hold the same files, folders and links, and only the times of some are different."""
    if old.keys() != new.keys():
        return False
    return all(entry == old[key] or _without_time(entry) == _without_time(old[key]) for key, entry in new.items())


def size_of(entry: bytes) -> int:
    """The bytes of a file; of anything else none."""
    decoded = decode_entry(entry)
    return decoded.size if isinstance(decoded, FileEntry) else 0


def _without_time(entry: bytes) -> Entry:
    decoded = decode_entry(entry)
    return decoded._replace(mtime_ns=0) if isinstance(decoded, (FileEntry, DirEntry, SymlinkEntry)) else decoded
