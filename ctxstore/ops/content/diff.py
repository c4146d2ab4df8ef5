"""The difference between two commits: messages, memories, files. Parses only the lines that differ."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ctxstore.history.engine import Engine
from ctxstore.history.revisions import Revision
from ctxstore.objects.encoding import decode_record
from ctxstore.ops.content.conversation import ROLES, source_of
from ctxstore.ops.content.transcript_changes import changed_messages, changed_subagents
from ctxstore.ops.content.view import View, decode_memory_key, dump_json
from ctxstore.sources.protocol import Message
from ctxstore.trees.entries import (
    MEMORIES,
    DirEntry,
    Entry,
    FileEntry,
    MapEntry,
    SymlinkEntry,
    decode_entry,
    decode_key,
)
from ctxstore.trees.files import read_content
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


class SubagentDiff(NamedTuple):
    """The differences between two versions of a subagent's transcript, as those of a `ContextDiff`."""

    path: str
    added: tuple[Message, ...]
    removed: tuple[Message, ...]
    edited: tuple[tuple[Message, Message], ...]
    rerooted: tuple[tuple[Message, Message], ...]


class ContextDiff(NamedTuple):
    """The differences between two commits.

    `edited` lists pairs of messages (old, new) with the same id but other content. `rerooted` lists pairs that differ
    only in their parent message, as after a fork, a rewind or a compaction. `records` counts what else differs in a
    transcript: the agent's own records, and lines that could not be read. `subagents` has the messages of the agents
    that the session started.
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
    subagents: tuple[SubagentDiff, ...] = ()

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
    subagents = (
        SubagentDiff(path, *_match(list(filter(_is_message, old)), list(filter(_is_message, new))))
        for path, old, new in changed_subagents(engine, a, b)
    )
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
        subagents=tuple(each for each in subagents if any(each[1:])),
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
