"""The difference between two commits: messages, memories, files. Parses only the lines that differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from ctxstore.history.engine import Engine
from ctxstore.history.revisions import Revision
from ctxstore.ids import Kind
from ctxstore.objects.encoding import decode_record
from ctxstore.ops.content.conversation import ROLES, iter_messages, native_message, source_of, transcript_key
from ctxstore.ops.content.view import View, decode_memory_key, dump_json
from ctxstore.sources.lineage import Inheriting
from ctxstore.sources.protocol import Message, Source, is_read_whole, messages_of
from ctxstore.trees.compare import differences
from ctxstore.trees.entries import (
    MEMORIES,
    MESSAGES,
    DirEntry,
    Entry,
    FileEntry,
    ListEntry,
    MapEntry,
    SymlinkEntry,
    decode_entry,
    decode_key,
)
from ctxstore.trees.files import changed_ranges, read_content
from ctxstore.trees.lists import RECORDS, load_list
from ctxstore.trees.maps import map_differences


class MemoryChange(NamedTuple):
    """A memory that differs, with its old and new value in bytes. None: the memory does not exist."""

    key: str
    old: bytes | None
    new: bytes | None


class FileChange(NamedTuple):
    """A file, folder or link that differs.

    `status` is ``added``, ``removed``, ``changed``, or ``metadata`` if only the mode or the time differs.
    """

    path: str
    status: str
    old: Entry | None
    new: Entry | None


class ContextDiff(NamedTuple):
    """The differences between two commits.

    `edited` lists pairs of messages (old, new) with the same id but other content. `rerooted` lists pairs that differ
    only in their parent message, as after a fork, a rewind or a compaction. `records` counts what else differs in a
    transcript: the agent's own records, and lines that could not be read.
    """

    old: Revision
    new: Revision
    added: tuple[Message, ...]
    removed: tuple[Message, ...]
    edited: tuple[tuple[Message, Message], ...]
    rerooted: tuple[tuple[Message, Message], ...]
    memories: tuple[MemoryChange, ...]
    files: tuple[FileChange, ...]
    records: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether the commits do not differ."""
        return not (self.added or self.removed or self.edited or self.rerooted or self.memories or self.files)


def diff(engine: Engine, old: Revision, new: Revision) -> ContextDiff:
    """Compares two commits. Raises `NotFound`, `Corrupt`."""
    a, b = View(engine, *old), View(engine, *new)
    files = list(_file_changes(a, b))
    removed, added = changed_messages(engine, a, b)
    is_counted = _is_message if not (a.is_native or b.is_native) else bool
    messages = _match(list(filter(is_counted, removed)), list(filter(is_counted, added)))
    return ContextDiff(
        old,
        new,
        added=messages.added,
        removed=messages.removed,
        edited=messages.edited,
        rerooted=messages.rerooted,
        memories=tuple(_memories(engine, a, b, files)),
        files=tuple(files),
        records=sum(not is_counted(message) for message in (*removed, *added)),
    )


def _is_message(message: Message) -> bool:
    """Whether the number of messages in a commit's summary includes a message. Native records are always included."""
    return message.role in ROLES


def _file_changes(a: View, b: View) -> Iterator[FileChange]:
    """Yields the files, folders and links that differ between two trees."""
    for key, old, new in map_differences(a.tree, b.tree):
        if key.startswith(b"/"):
            continue
        before = decode_entry(old) if old is not None else None
        after = decode_entry(new) if new is not None else None
        yield FileChange(decode_key(key), _status(before, after), before, after)


def _status(old: Entry | None, new: Entry | None) -> str:
    """Returns the `FileChange.status` of two entries that differ."""
    if old is None:
        return "added"
    if new is None:
        return "removed"
    if isinstance(old, FileEntry) and isinstance(new, FileEntry):
        return "metadata" if old.id == new.id else "changed"
    if isinstance(old, SymlinkEntry) and isinstance(new, SymlinkEntry):
        return "metadata" if old.target == new.target else "changed"
    return "metadata" if isinstance(old, DirEntry) and isinstance(new, DirEntry) else "changed"


def changed_messages(engine: Engine, a: View, b: View) -> tuple[list[Message], list[Message]]:
    """Compares the messages of two commits byte for byte. Returns the messages only in `a`, and those only in `b`.

    Only changed parts of a transcript are read, unless its source can only read it whole.
    """
    if a.is_native or b.is_native:
        return _changed_records(engine, a, b)
    before, after = transcript_key(a), transcript_key(b)
    source = source_of(b) or source_of(a)
    if source is None:
        return [], []
    old = a.get_file(before) if before else None
    new = b.get_file(after) if after else None
    if old is not None and new is not None and old.id == new.id:
        return [], []
    if isinstance(source, Inheriting) and before != after:
        removed, added = list(iter_messages(a)), list(iter_messages(b))
        return _subtract(removed, added), _subtract(added, removed)
    if old is None or new is None or any(key and is_read_whole(source, key) for key in (before, after)):
        removed, added = (
            list(messages_of(source, key, read_content(engine.store, file))) if key and file else []
            for key, file in ((before, old), (after, new))
        )
        return _subtract(removed, added), _subtract(added, removed)
    regions = changed_ranges(engine.store, old, new)
    sides = (
        (old, [(region.old_start, region.old_stop) for region in regions]),
        (new, [(region.new_start, region.new_stop) for region in regions]),
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


_Pairs = tuple[tuple[Message, Message], ...]


class _MatchedMessages(NamedTuple):
    """The message fields of a `ContextDiff`."""

    added: tuple[Message, ...]
    removed: tuple[Message, ...]
    edited: _Pairs
    rerooted: _Pairs


def _match(removed: list[Message], added: list[Message]) -> _MatchedMessages:
    """Pairs removed and added messages by id, and sorts the pairs into edited and re-rooted ones."""
    before: dict[str, list[Message]] = {}
    for message in removed:
        before.setdefault(message.id, []).append(message)
    new: list[Message] = []
    edited: list[tuple[Message, Message]] = []
    rerooted: list[tuple[Message, Message]] = []
    for message in added:
        candidates = before.get(message.id)
        if not candidates:
            new.append(message)
            continue
        old = candidates.pop(0)
        if old.raw.strip() == message.raw.strip():
            continue
        same = (old.role, old.parts) == (message.role, message.parts) and old.parent != message.parent
        (rerooted if same else edited).append((old, message))
    unpaired = [message for message in removed if any(m is message for m in before.get(message.id, ()))]
    return _MatchedMessages(tuple(new), tuple(unpaired), tuple(edited), tuple(rerooted))


def _memories(engine: Engine, a: View, b: View, files: list[FileChange]) -> Iterator[MemoryChange]:
    """Yields changed memories: native ones by key, and files that an agent uses as memories by path."""
    yield from _native_memories(engine, a, b)
    source = source_of(b) or source_of(a)
    for change in files:
        if source is not None and source.is_memory(change.path) and change.status != "metadata":
            yield MemoryChange(change.path, read_entry(engine, change.old), read_entry(engine, change.new))


def _native_memories(engine: Engine, a: View, b: View) -> Iterator[MemoryChange]:
    old, new = a.find_native(MEMORIES), b.find_native(MEMORIES)
    if isinstance(old, MapEntry) and isinstance(new, MapEntry):
        maps = engine.maps
        for key, before, after in map_differences(maps.load(engine.store, old.id), maps.load(engine.store, new.id)):
            yield MemoryChange(decode_memory_key(key), *(v and dump_json(decode_record(v)) for v in (before, after)))
        return
    for memory, value in a.memories.items():
        yield MemoryChange(memory, dump_json(value), None)
    for memory, value in b.memories.items():
        yield MemoryChange(memory, None, dump_json(value))


def read_entry(engine: Engine, entry: Entry | None) -> bytes | None:
    """Reads the content of a file. Returns None if the entry is not a file."""
    return b"".join(read_content(engine.store, entry)) if isinstance(entry, FileEntry) else None
