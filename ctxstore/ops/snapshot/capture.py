"""The conversion of one context into a tree.

Unchanged files reuse the entries of the previous commit. Only changed files are read.
"""

import os
import stat
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from ctxstore.errors import SourceError
from ctxstore.history.engine import Engine
from ctxstore.history.predecessors import DAMAGE
from ctxstore.ids import ObjectId
from ctxstore.objects.store import ObjectWriter
from ctxstore.ops.snapshot.previous_commit import PreviousCommit
from ctxstore.ops.snapshot.stable_read import Reading, read_stable, stamp_of
from ctxstore.ops.snapshot.stat_cache import SavedContext, StatRow, matches
from ctxstore.ops.snapshot.summary import attributes_of
from ctxstore.ops.snapshot.targets import Target
from ctxstore.progress import Progress
from ctxstore.sources.lineage import Inheriting
from ctxstore.sources.protocol import Attributes, FoundContext, FoundFile, Scanner, Skipped
from ctxstore.trees.entries import (
    DirEntry,
    Entry,
    FileEntry,
    SymlinkEntry,
    decode_entry,
    encode_entry,
    encode_key,
)
from ctxstore.trees.files import Content, NotAppended, append_content, write_content


class CapturedContext(NamedTuple):
    """The result of capturing a context: its tree, and the rows of its files for the stat cache.

    `attributes` is None if the transcript is unchanged.
    """

    tree: ObjectId
    rows: list[StatRow]
    entries: Mapping[bytes, bytes]
    attributes: Attributes | None


class PreviousState(NamedTuple):
    """The last saved state of a context, which a capture compares with.

    `commit` is the context's newest commit. `saved` is the context's record in the stat cache. `scanned_at` (ns) is the
    time of the scan that wrote the cache.
    """

    commit: PreviousCommit
    saved: SavedContext | None
    scanned_at: int


class _PreviousFile(NamedTuple):
    """The last saved state of a file.

    - `row`: the file's row in the stat cache.
    - `context`: the record in the stat cache of the context that the file belongs to.
    - `commit`: the newest commit of that context.
    - `is_transcript`: whether the file determines the attributes of the context.
    """

    key: bytes
    row: StatRow | None
    context: SavedContext | None
    commit: PreviousCommit
    is_transcript: bool

    @property
    def content(self) -> FileEntry | None:
        """The file's entry in the last tree, if it was a regular file then."""
        entry = decode_entry(self.row.entry) if self.row is not None else None
        return entry if isinstance(entry, FileEntry) else None

    @property
    def attributes(self) -> Attributes | None:
        """The attributes of the file's context, from the last commit's summary."""
        return attributes_of(self.context.summary) if self.context is not None else None


class Capture:
    """Reads contexts of one source and writes their content into a transaction."""

    def __init__(
        self, engine: Engine, writer: ObjectWriter, target: Target, *, skipped: list[Skipped], progress: Progress
    ) -> None:
        self._engine = engine
        self._writer = writer
        self._source = target.source
        self._skipped = skipped
        failed = (os.path.relpath(skip.path, target.home.path) for skip in skipped if skip.failed)
        self._failed_keys = tuple(encode_key(path) for path in failed)
        self._progress = progress
        self.bytes_read = 0

    def capture(self, context: FoundContext, previous: PreviousState, *, only_state: bool) -> CapturedContext:
        """Stores the new content of a context and returns its tree.

        - With `only_state`, only files marked as state are read. The other files keep their last entries.
        - An unreadable file also keeps its last entry, and is reported as skipped.
        - If a stored object of the last state is damaged, all files are read again, and no stored object is reused.
        """
        if not previous.commit.damage:
            captured = self._capture(context, previous, only_state=only_state)
            if not previous.commit.damage:
                return captured
        with self._writer.verify():
            return self._capture(context, PreviousState(previous.commit, None, 0), only_state=False)

    def _capture(self, context: FoundContext, previous: PreviousState, *, only_state: bool) -> CapturedContext:
        saved_rows = {row.key: row for row in previous.saved.rows or ()} if previous.saved else {}
        transcript = self._source.transcript(context.name, [file.key for file in context.files])
        rows: list[StatRow] = []
        attributes: Attributes | None = None
        kept = self._unread_entries(context, previous) if only_state else {}
        kept |= self._unlistable_entries(previous)
        for file in context.files:
            if only_state and not file.state:
                continue
            key = encode_key(file.key)
            row = saved_rows.get(key)
            if row is not None and matches(file, row, previous.scanned_at):
                rows.append(row)
                continue
            try:
                row, scanned = self._read(
                    context.name, file, _PreviousFile(key, row, previous.saved, previous.commit, file.key == transcript)
                )
            except SourceError as error:
                self._skipped.append(Skipped(file.path, f"unreadable: {error.message}"))
                if key in previous.commit.entries():
                    kept[key] = previous.commit.entries()[key]
                continue
            attributes = scanned or attributes
            rows.append(row)
        entries = {**kept, **{row.key: row.entry for row in rows}}
        return CapturedContext(self._engine.maps.create(self._writer, entries), rows, entries, attributes)

    @staticmethod
    def _unread_entries(context: FoundContext, previous: PreviousState) -> dict[bytes, bytes]:
        """Returns the last entries of the files that an incremental snapshot does not read."""
        states = {encode_key(file.key) for file in context.files if file.state}
        present = {encode_key(file.key) for file in context.files}
        return {key: entry for key, entry in previous.commit.entries().items() if key in present and key not in states}

    def _unlistable_entries(self, previous: PreviousState) -> dict[bytes, bytes]:
        """Returns the last entries of paths that could not be read or listed, and of everything below them.

        Such files may still exist, so their entries are kept.
        """
        if not self._failed_keys:
            return {}
        below = tuple(key + b"/" for key in self._failed_keys)
        return {
            key: entry
            for key, entry in previous.commit.entries().items()
            if key in self._failed_keys or key.startswith(below)
        }

    def _read(self, context: str, file: FoundFile, previous: _PreviousFile) -> tuple[StatRow, Attributes | None]:
        """Stores a file, link or folder, and returns its row for the stat cache."""
        mode = file.stat.st_mode
        if stat.S_ISREG(mode):
            return self._read_file(context, file, previous)
        if stat.S_ISLNK(mode):
            entry: Entry = SymlinkEntry(_read_link(file.path), file.stat.st_mtime_ns)
        elif stat.S_ISDIR(mode):
            entry = DirEntry(stat.S_IMODE(mode), file.stat.st_mtime_ns)
        else:
            raise SourceError("not a file, folder or link")
        return StatRow(previous.key, *stamp_of(file.stat), encode_entry(entry)), None

    def _read_file(self, context: str, file: FoundFile, previous: _PreviousFile) -> tuple[StatRow, Attributes | None]:
        """Stores a regular file and returns its row for the stat cache."""
        store = self._store_virtual if file.content else self._store
        reading, attributes = store(context, file, previous)
        content, stamp = reading.value, reading.stamp
        entry = FileEntry(stat.S_IMODE(stamp.mode), stamp.mtime_ns, content.size, content.is_list, content.id)
        # A size of -1 matches no file: a file that changed while it was read is read again next time.
        recorded = stamp if reading.is_stable else stamp._replace(size=-1)
        return StatRow(previous.key, *recorded, encode_entry(entry)), attributes

    def _store(
        self, context: str, file: FoundFile, previous: _PreviousFile
    ) -> tuple[Reading[Content], Attributes | None]:
        """Reads a file into the store.

        If the file only grew, the old part is compared with its chunks, and only the new part is split into chunks.
        """
        old = previous.content
        if old is not None and old.id is not None and file.stat.st_size >= old.size:
            try:
                return self._store_appended(context, file, old, previous)
            except NotAppended:
                pass
            except DAMAGE as error:
                previous.commit.record(error)
        scanner: Scanner | None = None

        def consume(blocks: Iterator[bytes]) -> Content:
            nonlocal scanner
            scanner = self._whole_scanner(context, file) if previous.is_transcript else None
            feed = scanner.feed if scanner else None
            return write_content(self._writer, self._engine.chunker, self._count_bytes(blocks, feed))

        return read_stable(file.path, consume), scanner.finish() if scanner else None

    def _whole_scanner(self, context: str, file: FoundFile) -> Scanner | None:
        """Returns a scanner for a whole transcript, which may continue other files of its home."""
        if isinstance(self._source, Inheriting):
            return self._source.history_scanner(file.path.removesuffix(file.key), context, file.key)
        return self._source.scanner(context, file.key)

    def _store_virtual(
        self, context: str, file: FoundFile, previous: _PreviousFile
    ) -> tuple[Reading[Content], Attributes | None]:
        """Stores the content that the source generates from a database.

        Unlike a file read by `_store`, this content is one consistent version and is never read a second time.
        """
        assert file.content is not None
        scanner = self._source.scanner(context, file.key) if previous.is_transcript else None
        blocks = self._count_bytes(file.content(), scanner.feed if scanner else None)
        content = write_content(self._writer, self._engine.chunker, blocks)
        return Reading(content, stamp_of(file.stat), True), scanner.finish() if scanner else None

    def _store_appended(
        self, context: str, file: FoundFile, old: FileEntry, previous: _PreviousFile
    ) -> tuple[Reading[Content], Attributes | None]:
        """Stores a file that only grew. Raises `NotAppended` if it has to be stored from the start."""
        scanner: Scanner | None = None
        before = previous.attributes

        def consume(blocks: Iterator[bytes]) -> Content:
            nonlocal scanner
            scanner = self._source.scanner(context, file.key, before) if previous.is_transcript else None
            if scanner is not None and (before is None or before.messages is None):
                raise NotAppended  # without the previous attributes the scanner needs the file from its start
            return append_content(
                self._writer,
                self._engine.chunker,
                old,
                self._count_bytes(blocks),
                scanner.feed if scanner else None,
            )

        reading = read_stable(file.path, consume)
        attributes = scanner.finish() if scanner else None
        if attributes is not None and attributes.messages is None:
            raise NotAppended  # the new lines may depend on earlier ones
        return reading, attributes

    def _count_bytes(self, blocks: Iterator[bytes], feed: Callable[[bytes], None] | None = None) -> Iterator[bytes]:
        """Passes blocks on, counts them as read, reports progress and feeds the scanner."""
        for block in blocks:
            self.bytes_read += len(block)
            self._progress.advance(len(block))
            if feed is not None:
                feed(block)
            yield block


def _read_link(path: str) -> bytes:
    """Returns the target of a symbolic link. Raises `SourceError` if it can't be read."""
    try:
        return os.fsencode(os.readlink(path))
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}") from error


def only_times_differ(old: Mapping[bytes, bytes], new: Mapping[bytes, bytes]) -> bool:
    """Whether two trees contain the same files, folders and links, and differ at most in modification times."""
    if old.keys() != new.keys():
        return False
    return all(entry == old[key] or _without_time(entry) == _without_time(old[key]) for key, entry in new.items())


def size_of(entry: bytes) -> int:
    """Returns the size in bytes of a file's entry, and 0 for any other entry."""
    decoded = decode_entry(entry)
    return decoded.size if isinstance(decoded, FileEntry) else 0


def _without_time(entry: bytes) -> Entry:
    """Decodes an entry and clears its modification time."""
    decoded = decode_entry(entry)
    return decoded._replace(mtime_ns=0) if isinstance(decoded, (FileEntry, DirEntry, SymlinkEntry)) else decoded
