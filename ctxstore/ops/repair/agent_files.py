"""Takes missing content from the agents' own files, as far as they still have it."""

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


class _Span(NamedTuple):
    path: str
    start: int
    length: int


class AgentFiles:
    """What the files of damaged contexts hold now, cut as the repository cuts: of chunks, where they are."""

    name = "the agents' files"

    def __init__(self, keys: IdKeys, chunker: Chunker) -> None:
        self._keys = keys
        self._chunker = chunker
        self._spans: dict[bytes, _Span] = {}
        self._nodes: dict[bytes, bytes] = {}
        self._cut: set[str] = set()

    def find(self, id: ObjectId, kind: Kind) -> bytes | None:
        span = self._spans.get(id)
        if span is None:
            return self._nodes.get(id)
        try:
            with open(span.path, "rb") as file:
                file.seek(span.start)
                return file.read(span.length)
        except OSError:
            return None

    def try_span(self, id: bytes, path: str, start: int, stop: int) -> None:
        """A missing chunk was at these bytes of a file: if they did not change, here it is."""
        if stop - start > MAX_OBJECT:
            return  # a tree may claim anything
        self._spans.setdefault(id, _Span(path, start, stop - start))
        data = self.find(ObjectId(id), Kind.CHUNK)
        if data is None or self._keys.id_of(Kind.CHUNK, data) != id:
            del self._spans[id]

    def cut(self, path: str) -> bool:
        """Learn all that a file would be stored as; False if it was done before or can't be read."""
        if path in self._cut:
            return False
        self._cut.add(path)
        try:
            read_stable(path, lambda blocks: write_content(_Learner(self, path), self._chunker, blocks))
        except SourceError:
            return False
        return True

    def learn_chunk(self, id: bytes, span: _Span) -> None:
        self._spans.setdefault(id, span)

    def learn_node(self, kind: Kind, data: bytes) -> ObjectId:
        id = self._keys.id_of(kind, data)
        self._nodes[id] = data
        return id


class _Learner(MakesChunks):
    """Takes what `write_content` makes of a file. The chunks come in order, so it knows where each is."""

    def __init__(self, files: AgentFiles, path: str) -> None:
        self.keys = files._keys
        self._files = files
        self._path = path
        self._at = 0

    def has(self, id: bytes) -> bool:
        return False

    def add(self, kind: int, id: bytes, data: bytes | memoryview) -> None:
        self._files.learn_chunk(id, _Span(self._path, self._at, len(data)))
        self._at += len(data)

    def put(self, kind: Kind, data: bytes) -> ObjectId:
        return self._files.learn_node(kind, data)

    def get(self, id: ObjectId, kind: Kind) -> bytes:
        raise AssertionError("new content is made of nothing that was there")


def ask_agents(engine: Engine, root: RepositoryState, missing: set[bytes], files: AgentFiles) -> bool:
    """Look at the files that need what is missing; whether there is anything new to be found in `files`."""
    health = MetadataChecker(engine, missing.__contains__)
    is_held = required_commits(engine, root)
    wanted: dict[str, None] = {}
    for _, id, commit in iter_commits(engine, root):
        if commit is None or not commit.root or not is_held(id):
            continue
        for bad, place in health.tree(commit.tree):
            if place.kind != "file":
                continue
            for path in _paths(commit, place.path):
                wanted[path] = None
                if place.start is not None and place.stop is not None and bad in missing:
                    files.try_span(bad, path, place.start, place.stop)
    news = [files.cut(path) for path in wanted]
    return any(news)


def _paths(commit: Commit, key: str) -> Iterator[str]:
    """Where the file was: below the context's root, or the root itself when that is a single file."""
    if not {"", ".", ".."}.isdisjoint(key.split("/")):
        return  # no source made such a path: it leads elsewhere
    for folder in (commit.root, os.path.dirname(commit.root)):
        path = os.path.join(folder, key)
        if os.path.isfile(path) and not os.path.islink(path):
            yield path
            return
