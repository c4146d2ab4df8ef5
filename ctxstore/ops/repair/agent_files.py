"""The agents' own files as an object source: they may still contain content that the repository lost."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NamedTuple

from ctxstore.errors import SourceError
from ctxstore.history.commits import Commit
from ctxstore.history.engine import Engine
from ctxstore.history.root import RepositoryState
from ctxstore.ids import IdKeys, Kind, ObjectId
from ctxstore.objects.chunker import Chunker
from ctxstore.objects.store import MakesChunks
from ctxstore.ops.check.impact import MetadataChecker, iter_commits, required_commits
from ctxstore.ops.snapshot.stable_read import read_stable
from ctxstore.packs.format import MAX_OBJECT
from ctxstore.trees.files import write_content


class _FileRange(NamedTuple):
    """A range of a file, in bytes."""

    path: str
    start: int
    length: int


class AgentFiles:
    """The present files of damaged contexts as an object source.

    A file is split into chunks exactly as the repository would store it. Of each chunk, only its position in the file
    is kept. The nodes of the list of chunks are kept in memory.
    """

    name = "the agents' files"

    def __init__(self, keys: IdKeys, chunker: Chunker) -> None:
        self._keys = keys
        self._chunker = chunker
        self._chunks: dict[bytes, _FileRange] = {}
        self._nodes: dict[bytes, bytes] = {}
        self._split_paths: set[str] = set()

    def find(self, id: ObjectId, kind: Kind) -> bytes | None:
        """Returns the object from a file, or None. The file may have changed: the caller must verify the hash."""
        chunk = self._chunks.get(id)
        if chunk is None:
            return self._nodes.get(id)
        try:
            with open(chunk.path, "rb") as file:
                file.seek(chunk.start)
                return file.read(chunk.length)
        except OSError:
            return None

    def try_range(self, id: bytes, path: str, start: int, stop: int) -> None:
        """Adds the missing chunk `id` if it is still at its former range of bytes in the file."""
        if stop - start > MAX_OBJECT:
            return  # a damaged or hostile tree can contain any size
        self._chunks.setdefault(id, _FileRange(path, start, stop - start))
        data = self.find(ObjectId(id), Kind.CHUNK)
        if data is None or self._keys.id_of(Kind.CHUNK, data) != id:
            del self._chunks[id]

    def split(self, path: str) -> bool:
        """Splits a file into chunks and adds all its objects.

        Returns False if the file was split before or cannot be read.
        """
        if path in self._split_paths:
            return False
        self._split_paths.add(path)
        try:
            read_stable(path, lambda blocks: write_content(_ObjectCollector(self, path), self._chunker, blocks))
        except SourceError:
            return False
        return True

    def add_chunk(self, id: bytes, chunk: _FileRange) -> None:
        """Adds the position of a chunk."""
        self._chunks.setdefault(id, chunk)

    def add_node(self, kind: Kind, data: bytes) -> ObjectId:
        """Adds a node of a list of chunks. Returns its id."""
        id = self._keys.id_of(kind, data)
        self._nodes[id] = data
        return id


class _ObjectCollector(MakesChunks):
    """Collects the objects that `write_content` creates for a file, and stores nothing.

    Chunks are added in file order, so the position of each is known.
    """

    def __init__(self, files: AgentFiles, path: str) -> None:
        self.keys = files._keys
        self._files = files
        self._path = path
        self._at = 0

    def has(self, id: bytes) -> bool:
        return False

    def add(self, kind: int, id: bytes, data: bytes | memoryview) -> None:
        self._files.add_chunk(id, _FileRange(self._path, self._at, len(data)))
        self._at += len(data)

    def put(self, kind: Kind, data: bytes) -> ObjectId:
        return self._files.add_node(kind, data)

    def get(self, id: ObjectId, kind: Kind) -> bytes:
        raise AssertionError("writing new content reads no objects")


def search_agent_files(engine: Engine, root: RepositoryState, missing: set[bytes], files: AgentFiles) -> bool:
    """Splits the agents' files in which objects are missing, and adds their objects to `files`.

    Returns False if no file was split that had not been split before.
    """
    checker = MetadataChecker(engine, missing.__contains__)
    is_required = required_commits(engine, root)
    paths: dict[str, None] = {}
    for _, id, commit in iter_commits(engine, root):
        if commit is None or not commit.root or not is_required(id):
            continue
        for damaged, place in checker.tree(commit.tree):
            if place.kind != "file":
                continue
            for path in _find_paths(commit, place.path):
                paths[path] = None
                if place.start is not None and place.stop is not None and damaged in missing:
                    files.try_range(damaged, path, place.start, place.stop)
    is_new = [files.split(path) for path in paths]
    return any(is_new)


def _find_paths(commit: Commit, key: str) -> Iterator[str]:
    """Yields the path of a commit's file on this machine, if the file exists.

    It is below the context's root, or the root itself if that is a single file.
    """
    if not {"", ".", ".."}.isdisjoint(key.split("/")):
        return  # no source creates such a path, which would lead out of the root
    for folder in (commit.root, os.path.dirname(commit.root)):
        path = os.path.join(folder, key)
        if os.path.isfile(path) and not os.path.islink(path):
            yield path
            return
