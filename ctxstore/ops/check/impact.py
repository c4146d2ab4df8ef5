"""What damage hits: for objects that are gone or not what they were, the contexts, commits, files and messages.

A pass of its own, made only when something is wrong. What is whole is remembered by its nodes, so each is looked at
once, however many commits share it; what is not, by what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from ctxstore.errors import Corrupt, NotFound
from ctxstore.history.commits import Commit, read_commit
from ctxstore.history.engine import Engine
from ctxstore.history.oplog import iter_ops
from ctxstore.history.refs import SETTING
from ctxstore.history.root import RepositoryState
from ctxstore.ids import ObjectId
from ctxstore.trees.entries import MESSAGES, Entry, FileEntry, ListEntry, MapEntry, decode_entry, decode_key
from ctxstore.trees.lists import CHUNKS, RECORDS, ListShape
from ctxstore.trees.sequence import Item, Sequence, Shape

CAP = 1000
"""Commits and places remembered of one object; more are only counted."""

UNREADABLE = (Corrupt, NotFound)


class DamagedPlace(NamedTuple):
    """Where damage shows in a tree. `kind` says what `path`, `start` and `stop` are:

    | file | a path, and bytes of it |
    | messages | none, and which of a program's messages: `start` is the first, `stop` comes after the last |
    | memory | a program's key |
    | memories | the last key of a range of unknown ones, "" for all |
    | tree | the same of paths |
    """

    kind: str
    path: str
    start: int | None = None
    stop: int | None = None


class DamageHit(NamedTuple):
    """A damaged object, and a place in a tree that needs it."""

    id: bytes
    place: DamagedPlace


class Impact:
    """What one damaged object hits. `commits` and `places` are the first `CAP`."""

    __slots__ = ("_newest", "commit_count", "commits", "more_places", "places", "refs")

    def __init__(self) -> None:
        self.refs: set[str] = set()
        self.commits: list[ObjectId] = []
        self.commit_count = 0
        self._newest: ObjectId | None = None
        self.places: dict[tuple[str, DamagedPlace], None] = {}
        self.more_places = False

    def add(self, ref: str, commit: ObjectId, place: DamagedPlace) -> None:
        self.refs.add(ref)
        if commit != self._newest:
            self._newest = commit
            self.commit_count += 1
            if len(self.commits) < CAP:
                self.commits.append(commit)
        if len(self.places) < CAP:
            self.places[ref, place] = None
        elif (ref, place) not in self.places:
            self.more_places = True


class MetadataChecker:
    """Tells what is wrong with trees and maps. `is_bad` says it of chunks and records, which are not read."""

    def __init__(self, engine: Engine, is_bad: Callable[[bytes], bool]) -> None:
        self._engine = engine
        self._is_bad = is_bad
        self._intact: dict[str, set[bytes]] = {}
        self._hits: dict[tuple[str, bytes], tuple[DamageHit, ...]] = {}

    def tree(self, id: ObjectId) -> tuple[DamageHit, ...]:
        """What is wrong with a commit's tree."""
        return self._walk("tree", self._engine.maps.shape, id)

    def map(self, id: ObjectId) -> tuple[DamageHit, ...]:
        """What is wrong with a map of refs, memories or forgotten commits."""
        return self._walk("memories", self._engine.maps.shape, id)

    def _walk(self, use: str, shape: Shape, id: ObjectId) -> tuple[DamageHit, ...]:
        known = self._find_known(use, id)
        if known is None:
            try:
                sequence = Sequence.load(shape, self._engine.store, id)
            except UNREADABLE:
                known = (DamageHit(id, DamagedPlace(use, "", 0, None)),)
            else:
                tops = [(item, self._below(use, sequence, item, level)) for item, level in sequence.tops()]
                known = _join_hits(shape, tops)
            self._remember(use, id, known)
        return known

    def _below(self, use: str, sequence: Sequence, item: Item, level: int) -> tuple[DamageHit, ...]:
        if level == 0:
            return self._leaf(use, item)
        node = sequence.node_id(item)
        known = self._find_known(use, node)
        if known is None:
            try:
                children = sequence.children(item, level)
            except UNREADABLE:
                known = (DamageHit(node, _place_below(use, sequence.shape, item)),)
            else:
                below = [(child, self._below(use, sequence, child, level - 1)) for child in children]
                known = _join_hits(sequence.shape, below)
            self._remember(use, node, known)
        return known

    def _find_known(self, use: str, id: bytes) -> tuple[DamageHit, ...] | None:
        return () if id in self._intact.setdefault(use, set()) else self._hits.get((use, id))

    def _remember(self, use: str, id: bytes, hits: tuple[DamageHit, ...]) -> None:
        if hits:
            self._hits[use, id] = hits
        else:
            self._intact[use].add(id)

    def _leaf(self, use: str, item: Item) -> tuple[DamageHit, ...]:
        if use in ("file", "messages"):
            size, id, _ = item
            return (DamageHit(id, DamagedPlace(use, "", 0, _measure(use, size, 1))),) if self._is_bad(id) else ()
        key, value, where, _ = item
        if use == "memories":
            is_bad = where is not None and self._is_bad(where)
            return (DamageHit(where, DamagedPlace("memory", key.decode("utf-8", "surrogatepass"))),) if is_bad else ()
        if where is not None:
            return (DamageHit(where, DamagedPlace("file", decode_key(key))),) if self._is_bad(where) else ()
        return self._entry(decode_key(key), key, decode_entry(value))

    def _entry(self, path: str, key: bytes, entry: Entry) -> tuple[DamageHit, ...]:
        if isinstance(entry, FileEntry) and entry.id is not None:
            if not entry.is_list:
                return (
                    (DamageHit(entry.id, DamagedPlace("file", path, 0, entry.size)),) if self._is_bad(entry.id) else ()
                )
            return _move_hits(self._list("file", CHUNKS, entry.id), path, entry.size)
        if isinstance(entry, ListEntry):
            return _move_hits(self._list("messages", RECORDS, entry.id), "" if key == MESSAGES else path, entry.length)
        return self.map(entry.id) if isinstance(entry, MapEntry) else ()

    def _list(self, use: str, shape: ListShape, id: ObjectId) -> tuple[DamageHit, ...]:
        return self._walk(use, shape, id)


def _measure(use: str, size: int, count: int) -> int:
    return size if use == "file" else count


def _place_below(use: str, shape: Shape, item: Item) -> DamagedPlace:
    """The place of all that is below a node."""
    if isinstance(shape, ListShape):
        return DamagedPlace(use, "", 0, _measure(use, item[0], item[-1]))
    return DamagedPlace(use, item[0].decode("utf-8", "surrogateescape"))


def _join_hits(shape: Shape, parts: list[tuple[Item, tuple[DamageHit, ...]]]) -> tuple[DamageHit, ...]:
    """The hits of neighbours, those in lists moved to where they are."""
    if not any(hits for _, hits in parts):
        return ()
    if not isinstance(shape, ListShape):
        return tuple(hit for _, hits in parts for hit in hits)
    found: list[DamageHit] = []
    sizes = counts = 0
    for item, hits in parts:
        for id, place in hits:
            shift = sizes if place.kind == "file" else counts
            start, stop = place.start or 0, place.stop or 0
            found.append(DamageHit(id, place._replace(start=start + shift, stop=stop + shift)))
        sizes += item[0]
        counts += item[-1]
    return tuple(found)


def _move_hits(hits: tuple[DamageHit, ...], path: str, end: int) -> tuple[DamageHit, ...]:
    """Hits in a list, as those of the path that has it; a list that can't be read is hit wholly."""
    return tuple(
        DamageHit(id, place._replace(path=path, stop=end if place.stop is None else place.stop)) for id, place in hits
    )


def iter_commits(engine: Engine, root: RepositoryState) -> Iterator[tuple[str, ObjectId, Commit | None]]:
    """(context, id, commit) of all that refs and ops reach, each once; None for one that can't be read.

    The context is that which the commit was made for, or if there is none of that name any more, one that has it.
    """
    seen: set[ObjectId] = set()
    live = _context_names(engine, root)
    for ref, start in _iter_starts(engine, root):
        waiting = [start]
        while waiting:
            id = waiting.pop()
            if id in seen:
                continue
            seen.add(id)
            try:
                commit = read_commit(engine.store, id)
            except UNREADABLE:
                yield ref, id, None
                continue
            yield ref if ref in live and commit.ref not in live else commit.ref or ref, id, commit
            waiting.extend(commit.parents)


def _context_names(engine: Engine, root: RepositoryState) -> set[str]:
    try:
        return {name for name, _ in engine.refs(root).iter()}
    except UNREADABLE:
        return set()


def _iter_starts(engine: Engine, root: RepositoryState) -> Iterator[tuple[str, ObjectId]]:
    try:
        yield from ((name, id) for name, id in engine.refs(root).iter_all() if not name.startswith(SETTING))
    except UNREADABLE:
        pass  # the ops tell of most of them
    try:
        for _, op in iter_ops(engine.store, root.op):
            for ref, old, new in op.changes:
                if not ref.startswith(SETTING):
                    yield from ((ref, id) for id in (old, new) if id is not None)
    except UNREADABLE:
        pass  # what older ops tell is not known


def required_commits(engine: Engine, root: RepositoryState) -> Callable[[ObjectId], bool]:
    """Whether a commit's tree has to be there: it is not forgotten, or a head or tag."""
    try:
        forgotten = set(engine.forgotten(root).ids())
    except UNREADABLE:
        return lambda _: True
    try:
        forgotten -= {id for _, id in engine.refs(root).iter_all()}
    except UNREADABLE:
        pass
    return lambda id: id not in forgotten


def trace(engine: Engine, root: RepositoryState, is_bad: Callable[[bytes], bool]) -> dict[bytes, Impact]:
    """By damaged object, what it hits in the trees that have to be whole."""
    checker = MetadataChecker(engine, is_bad)
    is_required = required_commits(engine, root)
    found: dict[bytes, Impact] = {}
    for ref, id, commit in iter_commits(engine, root):
        if commit is None or not is_required(id):
            continue
        for bad, place in checker.tree(commit.tree):
            found.setdefault(bad, Impact()).add(ref, id, place)
    return found
