"""The messages that differ between two commits. Parses only the lines that differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from ctxstore.history.engine import Engine
from ctxstore.ids import Kind
from ctxstore.objects.encoding import decode_record
from ctxstore.ops.content.conversation import iter_messages, native_message, source_of, subagent_paths, transcript_key
from ctxstore.ops.content.view import View
from ctxstore.sources.lineage import Inheriting
from ctxstore.sources.protocol import Message, Source, is_read_whole, messages_of
from ctxstore.trees.compare import differences
from ctxstore.trees.entries import MESSAGES, FileEntry, ListEntry
from ctxstore.trees.files import changed_ranges, read_content
from ctxstore.trees.lists import RECORDS, load_list


class TranscriptChanges(NamedTuple):
    """The messages that two versions of a transcript do not share. `path` is a subagent's file, or else empty."""

    path: str
    removed: list[Message]
    added: list[Message]


def changed_messages(engine: Engine, a: View, b: View) -> tuple[list[Message], list[Message]]:
    """Compares the messages of two commits byte for byte. Returns the messages only in `a`, and those only in `b`.

    Only changed parts of a transcript are read, unless its source can only read it whole.
    """
    if a.is_native or b.is_native:
        return _changed_records(engine, a, b)
    source = source_of(b) or source_of(a)
    if source is None:
        return [], []
    old, new = _TranscriptFile.of(a, transcript_key(a)), _TranscriptFile.of(b, transcript_key(b))
    if isinstance(source, Inheriting) and (old and old.path) != (new and new.path):
        removed, added = list(iter_messages(a)), list(iter_messages(b))
        return _subtract(removed, added), _subtract(added, removed)
    return _changed_files(engine, source, old, new)


def changed_subagents(engine: Engine, a: View, b: View) -> Iterator[TranscriptChanges]:
    """Compares the messages of the subagents of two commits. Yields the transcripts that differ, by path."""
    source = source_of(b) or source_of(a)
    if source is None:
        return
    before, after = set(subagent_paths(a)), set(subagent_paths(b))
    for path in sorted(before | after):
        old = _TranscriptFile.of(a, path if path in before else None)
        new = _TranscriptFile.of(b, path if path in after else None)
        removed, added = _changed_files(engine, source, old, new)
        if removed or added:
            yield TranscriptChanges(path, removed, added)


class _TranscriptFile(NamedTuple):
    """A transcript's path and its stored content."""

    path: str
    entry: FileEntry

    @classmethod
    def of(cls, view: View, path: str | None) -> _TranscriptFile | None:
        """Returns the file of a commit; ``None`` without a path."""
        return cls(path, view.get_file(path)) if path else None


def _changed_files(
    engine: Engine, source: Source, old: _TranscriptFile | None, new: _TranscriptFile | None
) -> tuple[list[Message], list[Message]]:
    """Compares the messages of two versions of a transcript. Returns (removed, added)."""
    if old and new and old.entry.id == new.entry.id:
        return [], []
    if not old or not new or is_read_whole(source, old.path) or is_read_whole(source, new.path):
        removed, added = (
            list(messages_of(source, file.path, read_content(engine.store, file.entry))) if file else []
            for file in (old, new)
        )
        return _subtract(removed, added), _subtract(added, removed)
    regions = changed_ranges(engine.store, old.entry, new.entry)
    sides = (
        (old.entry, [(region.old_start, region.old_stop) for region in regions]),
        (new.entry, [(region.new_start, region.new_stop) for region in regions]),
    )
    removed, added = (_parse_ranges(engine, source, entry, ranges) for entry, ranges in sides)
    return _subtract(removed, added), _subtract(added, removed)


def _subtract(messages: list[Message], others: list[Message]) -> list[Message]:
    """Returns the messages that are not among `others`, equal ones counted.

    Compares bytes, because a message need not have an id.
    """
    remaining = Counter(message.raw.strip() for message in others)
    found = []
    for message in messages:
        raw = message.raw.strip()
        remaining[raw] -= 1
        if remaining[raw] < 0:
            found.append(message)
    return found


def _parse_ranges(engine: Engine, source: Source, entry: FileEntry, ranges: list[tuple[int, int]]) -> list[Message]:
    """Parses the messages on all lines that overlap the byte ranges. Each line is parsed once."""
    found: list[Message] = []
    parsed = 0
    for start, stop in ranges:
        first = max(parsed, _line_start(engine, entry, start))
        last = _line_stop(engine, entry, stop)
        if first < last:
            found.extend(source.messages(read_content(engine.store, entry, first, last), first))
            parsed = last
    return found


def _line_start(engine: Engine, entry: FileEntry, position: int) -> int:
    """Returns the offset of the start of the line that contains the byte at `position`."""
    step = 1 << 16
    while position > 0:
        begin = max(0, position - step)
        data = b"".join(read_content(engine.store, entry, begin, position))
        found = data.rfind(b"\n")
        if found >= 0:
            return begin + found + 1
        position = begin
    return 0


def _line_stop(engine: Engine, entry: FileEntry, position: int) -> int:
    """Returns the offset of the end of the line that contains the byte before `position`."""
    if position == 0:
        return 0
    for block in read_content(engine.store, entry, position - 1):
        found = block.find(b"\n")
        if found >= 0:
            return position + found
        position += len(block)
    return entry.size


def _changed_records(engine: Engine, a: View, b: View) -> tuple[list[Message], list[Message]]:
    """Compares the native records of two commits. Returns (removed, added), reading only records that differ."""
    old, new = a.find_native(MESSAGES), b.find_native(MESSAGES)
    if not isinstance(old, ListEntry) or not isinstance(new, ListEntry):
        return (
            [native_message(r, i) for i, r in enumerate(a.messages)] if isinstance(old, ListEntry) else [],
            [native_message(r, i) for i, r in enumerate(b.messages)] if isinstance(new, ListEntry) else [],
        )
    removed: list[Message] = []
    added: list[Message] = []
    store = engine.store
    for region in differences(load_list(RECORDS, store, old.id), load_list(RECORDS, store, new.id)):
        for items, start, out in (
            (region.old, region.old_start, removed),
            (region.new, region.new_start, added),
        ):
            for index, (_, id, _) in enumerate(items, start):
                out.append(native_message(decode_record(store.get(id, Kind.RECORD)), index))
    return removed, added
