"""A draft of a commit: a program edits messages, memories and files, then commits them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from sortedcontainers import SortedDict

from ctxstore.errors import InvalidInput, require_text
from ctxstore.history.commits import Author, Commit, StoredCommit, Summary, read_commit, write_commit
from ctxstore.history.engine import Engine
from ctxstore.history.refs import check_name
from ctxstore.history.transaction import Move, transaction
from ctxstore.ids import ObjectId
from ctxstore.objects.store import ObjectWriter
from ctxstore.ops.content.view import View
from ctxstore.ops.draft.memories import DraftMemories
from ctxstore.ops.draft.messages import DraftMessages
from ctxstore.trees.entries import (
    MEMORIES,
    MESSAGES,
    Entry,
    FileEntry,
    ListEntry,
    MapEntry,
    decode_entry,
    encode_entry,
    encode_key,
    is_time,
)
from ctxstore.trees.files import write_content
from ctxstore.trees.sequence import Sequence as StoredSequence


class DraftFiles:
    """The file edits of a draft. `edits` is None for a removed path, else (blocks, mode, mtime in ns)."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self.edits: SortedDict[bytes, tuple[Iterable[bytes], int, int] | None] = SortedDict()

    def put(
        self, path: str, content: bytes | Iterable[bytes], *, mode: int = 0o644, mtime_ns: int | None = None
    ) -> None:
        """Adds or overwrites the file at a relative path.

        `content` is bytes, or an iterable of blocks that is read at commit. `mtime_ns` is in nanoseconds since 1970,
        by default the current time. Raises `InvalidInput` if an argument is not valid.
        """
        self._draft.engine.check_open()
        if type(mode) is not int or not (mtime_ns is None or is_time(mtime_ns)):
            raise InvalidInput(
                f"mode {mode!r} and mtime_ns {mtime_ns!r} of file {path!r} are not valid",
                hint="use integers: a mode such as 0o644, a time in nanoseconds since 1970",
            )
        blocks = [bytes(content)] if isinstance(content, (bytes, bytearray, memoryview)) else _Blocks(path, content)
        now = self._draft.engine.environment.clock() if mtime_ns is None else mtime_ns
        self.edits[encode_key(check_path(path))] = (blocks, mode & 0o7777, now)

    def remove(self, path: str) -> None:
        """Removes the file at this path. Raises `InvalidInput` if the path is not valid."""
        self._draft.engine.check_open()
        self.edits[encode_key(check_path(path))] = None


class _Blocks:
    """Blocks of a file's content, checked to be bytes.

    An iterator can be read only once. If a failed commit has read it, the next commit raises `InvalidInput`.
    """

    def __init__(self, path: str, content: Iterable[bytes]) -> None:
        if isinstance(content, str) or not isinstance(content, Iterable):
            raise InvalidInput(
                f"the content of file {path!r} is {type(content).__name__}, not bytes",
                hint="pass bytes, or an iterable of blocks of bytes",
            )
        self._path = path
        self._content = content
        self._is_spent = False

    def __iter__(self) -> Iterator[bytes]:
        if self._is_spent:
            raise InvalidInput(
                f"the stream for file {self._path!r} was already read by a commit that failed",
                hint="put the file again with a new stream",
            )
        blocks = iter(self._content)
        self._is_spent = blocks is self._content
        for block in blocks:
            if not isinstance(block, (bytes, bytearray, memoryview)):
                raise InvalidInput(f"a block of file {self._path!r} is {type(block).__name__}, not bytes")
            yield bytes(block)


def check_path(path: str) -> str:
    """Returns `path` if a tree can contain it, otherwise raises `InvalidInput`.

    A valid path is relative and has no empty part, no ``.``, no ``..`` and no NUL.
    """
    require_text(path, "a path")
    if not path or "\0" in path or any(part in ("", ".", "..") or not _is_name(part) for part in path.split("/")):
        raise InvalidInput(f"{path!r} is not a valid path in a context", hint="use a relative path such as src/a.py")
    return path


def _is_name(part: str) -> bool:
    """Whether a file name can be encoded as bytes."""
    try:
        encode_key(part)
    except UnicodeEncodeError:  # a lone surrogate that represents no byte
        return False
    return True


class _NewParts(NamedTuple):
    """The list of messages and the map of memories that a commit stored. None: unchanged."""

    messages: StoredSequence | None
    memories: MapEntry | None


class Draft:
    """A draft of a context's next commit, based on its head or on another commit, its `parent`.

    `commit` moves the ref by compare-and-set: it fails if another process moved the ref since the draft was opened.
    """

    ref: str
    messages: DraftMessages
    memories: DraftMemories
    files: DraftFiles

    def __init__(self, engine: Engine, ref: str, parent: StoredCommit | None, head: ObjectId | None) -> None:
        self.engine = engine
        self.ref = check_name(ref)
        self._parent = parent
        self._head = head
        self._summary = parent.commit.summary if parent else Summary()
        self._tree = parent.commit.tree if parent else None
        view = View(engine, ref, parent.id, parent.commit) if parent else None
        messages = view.find_native(MESSAGES) if view else None
        memories = view.find_native(MEMORIES) if view else None
        self.messages = DraftMessages(engine, messages if isinstance(messages, ListEntry) else None)
        self.memories = DraftMemories(engine, memories if isinstance(memories, MapEntry) else None)
        self.files = DraftFiles(self)

    def __enter__(self) -> Draft:
        return self

    def __exit__(self, *exc: object) -> None:
        pass

    @property
    def parent(self) -> StoredCommit | None:
        """The commit this draft is based on, or None if the context is new."""
        return self._parent

    def commit(
        self,
        note: str = "",
        *,
        title: str | None = None,
        agent: str | None = None,
        model: str | None = None,
        author: Author | None = None,
    ) -> StoredCommit:
        """Stores the edits as a commit and moves the ref to it, durably. Further edits are based on the new commit.

        Title, agent and model stay those of the parent unless given. Raises `RefMoved` if the ref has moved since the
        draft was opened. Nothing has changed then, except that streams given as files have been read.
        """
        summary = self._summary._replace(
            title=self._summary.title if title is None else title,
            agent=self._summary.agent if agent is None else agent,
            model=self._summary.model if model is None else model,
        )
        with transaction(self.engine) as tx:
            if self._parent and self._parent.id != self._head:
                tx.rely(self._parent.id)
            tree, summary, parts = self._write_tree(tx.writer, summary)
            commit = self._make_commit(tree, summary, note, author or self.engine.environment.author)
            stored = StoredCommit(write_commit(tx.writer, commit), commit)
            tx.publish([Move(self.ref, self._head, stored.id)], "commit")
        self._adopt(stored, parts)
        return stored

    def _make_commit(self, tree: ObjectId, summary: Summary, note: str, author: Author) -> Commit:
        parent = self._parent
        return Commit(
            tree=tree,
            parents=(parent.id,) if parent else (),
            generation=parent.commit.generation + 1 if parent else 0,
            time=self.engine.environment.clock(),
            author=author,
            ref=self.ref,
            note=note,
            summary=summary,
        )

    def _write_tree(self, writer: ObjectWriter, summary: Summary) -> tuple[ObjectId, Summary, _NewParts]:
        """Writes the edited tree. Returns its id, the updated summary, and the parts written for it."""
        edits: dict[bytes, bytes | None] = {}
        messages = memories = None
        if self.messages.is_changed:
            entry, messages = self.messages.write(writer)
            edits[MESSAGES] = encode_entry(entry)
            growth = entry.size - self.messages.stored_size()
            summary = summary._replace(messages=entry.length, bytes=summary.bytes + growth)
        if self.memories.is_changed:
            memories = self.memories.write(writer)
            edits[MEMORIES] = encode_entry(memories)
            summary = summary._replace(memories=memories.length)
        for key, edit in self.files.edits.items():
            edits[key] = None if edit is None else encode_entry(self._write_file(writer, *edit))
        maps = self.engine.maps
        if self._tree is None:
            tree = maps.create(writer, {k: v for k, v in edits.items() if v is not None})
        else:
            tree = maps.update(maps.load(writer, self._tree), writer, edits)
        if self.files.edits:
            summary = self._count_files(writer, tree, summary)
        return tree, summary, _NewParts(messages, memories)

    def _write_file(self, writer: ObjectWriter, blocks: Iterable[bytes], mode: int, mtime_ns: int) -> Entry:
        content = write_content(writer, self.engine.chunker, blocks)
        return FileEntry(mode, mtime_ns, content.size, content.is_list, content.id)

    def _count_files(self, writer: ObjectWriter, tree: ObjectId, summary: Summary) -> Summary:
        """Returns the summary with the number of files and all bytes counted from the tree."""
        entries = [decode_entry(value) for _, value in self.engine.maps.load(writer, tree).items()]
        sized = [entry for entry in entries if isinstance(entry, (FileEntry, ListEntry))]
        files = sum(isinstance(entry, FileEntry) for entry in sized)
        return summary._replace(files=files, bytes=sum(entry.size for entry in sized))

    def _adopt(self, stored: StoredCommit, parts: _NewParts) -> None:
        """Bases further edits on the commit that was just stored."""
        self._parent, self._head, self._tree = stored, stored.id, stored.commit.tree
        self._summary = stored.commit.summary
        if parts.messages is not None:
            self.messages.adopt(parts.messages)
        if parts.memories is not None:
            self.memories.adopt(parts.memories)
        self.files.edits.clear()


def open_draft(engine: Engine, ref: str, parent: ObjectId | None) -> Draft:
    """Opens a draft based on the context's head, or on the commit `parent` if given.

    The context need not exist. Committing moves it from its present head to the new commit in either case.
    """

    head = engine.refs(engine.root()).find(check_name(ref))
    base = parent if parent is not None else head
    stored = StoredCommit(base, read_commit(engine.store, base)) if base is not None else None
    return Draft(engine, ref, stored, head)
