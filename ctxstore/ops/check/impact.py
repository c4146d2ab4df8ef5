"""The impact of damage: the contexts, commits, files and messages that need a missing or changed object.

This is a separate pass, made only if something is damaged. Intact tree nodes are remembered, so each node is visited
once, however many commits share it. For damaged nodes the damage is remembered.
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
"""The number of commits and places listed for one object. Further ones are only counted."""

UNREADABLE = (Corrupt, NotFound)
"""The errors of an object that is missing or corrupt."""


class DamagedPlace(NamedTuple):
    """A damaged part of a tree. `kind` determines the meaning of `path`, `start` and `stop`:

    | file | a path, and a range of its bytes |
    | messages | no path, and a range of a program's messages: `stop` follows the last |
    | memory | a program's key |
    | memories | the last key of a range of unknown keys, "" for all |
    | tree | the last path of a range of unknown paths, "" for all |
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
    """Everything that one damaged object affects. `commits` and `places` have at most `CAP` items."""

    __slots__ = ("_newest", "commit_count", "commits", "more_places", "places", "refs")

    def __init__(self) -> None:
        self.refs: set[str] = set()
        self.commits: list[ObjectId] = []
        self.commit_count = 0
        self._newest: ObjectId | None = None
        self.places: dict[tuple[str, DamagedPlace], None] = {}
        self.more_places = False

    def add(self, ref: str, commit: ObjectId, place: DamagedPlace) -> None:
        """Adds a place of one commit. The places of a commit must be added one after the other."""
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
    """Finds the damage below trees and maps. Chunks and records are not read: `is_bad` decides about them."""

    def __init__(self, engine: Engine, is_bad: Callable[[bytes], bool]) -> None:
        self._engine = engine
        self._is_bad = is_bad
        self._intact: dict[str, set[bytes]] = {}
        self._hits: dict[tuple[str, bytes], tuple[DamageHit, ...]] = {}

    def tree(self, id: ObjectId) -> tuple[DamageHit, ...]:
        """Returns the damage in a commit's tree."""
        return self._walk("tree", self._engine.maps.shape, id)

    def map(self, id: ObjectId) -> tuple[DamageHit, ...]:
        """Returns the damage in a map of refs, memories or forgotten commits."""
        return self._walk("memories", self._engine.maps.shape, id)

    def _walk(self, use: str, shape: Shape, id: ObjectId) -> tuple[DamageHit, ...]:
        """Returns the damage below the root node of a sequence."""
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
        """Returns the damage below one node."""
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
        """Returns the remembered damage of a node, or None if it was not visited yet."""
        return () if id in self._intact.setdefault(use, set()) else self._hits.get((use, id))

    def _remember(self, use: str, id: bytes, hits: tuple[DamageHit, ...]) -> None:
        """Remembers the damage of a node."""
        if hits:
            self._hits[use, id] = hits
        else:
            self._intact[use].add(id)

    def _leaf(self, use: str, item: Item) -> tuple[DamageHit, ...]:
        """Returns the damage of one item of a list or map."""
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
        """Returns the damage of the file, list or map of one tree entry."""
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
        """Returns the damage in a list of chunks or records."""
        return self._walk(use, shape, id)


def _measure(use: str, size: int, count: int) -> int:
    """Returns the length of an item: in bytes for files, in messages for lists."""
    return size if use == "file" else count


def _place_below(use: str, shape: Shape, item: Item) -> DamagedPlace:
    """Returns the place that covers everything below an unreadable node."""
    if isinstance(shape, ListShape):
        return DamagedPlace(use, "", 0, _measure(use, item[0], item[-1]))
    return DamagedPlace(use, item[0].decode("utf-8", "surrogateescape"))


def _join_hits(shape: Shape, parts: list[tuple[Item, tuple[DamageHit, ...]]]) -> tuple[DamageHit, ...]:
    """Joins the damage of neighbouring nodes. In lists the ranges are shifted to their position in the list."""
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
    """Assigns the damage of a list to the path of its entry. An unreadable list counts as damaged up to `end`."""
    return tuple(
        DamageHit(id, place._replace(path=path, stop=end if place.stop is None else place.stop)) for id, place in hits
    )


def iter_commits(engine: Engine, root: RepositoryState) -> Iterator[tuple[str, ObjectId, Commit | None]]:
    """Yields (context, id, commit) for each commit that refs and runs reach, once. An unreadable commit is None.

    The context is the one that the commit was made for. If that name no longer exists, it is one that reaches the
    commit.
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
    """Returns the names of all contexts, or none if the refs are unreadable."""
    try:
        return {name for name, _ in engine.refs(root).iter()}
    except UNREADABLE:
        return set()


def _iter_starts(engine: Engine, root: RepositoryState) -> Iterator[tuple[str, ObjectId]]:
    """Yields (ref, commit) for every ref, and for every ref change that a run made."""
    try:
        yield from ((name, id) for name, id in engine.refs(root).iter_all() if not name.startswith(SETTING))
    except UNREADABLE:
        pass  # the runs name most of the commits
    try:
        for _, op in iter_ops(engine.store, root.op):
            for ref, old, new in op.changes:
                if not ref.startswith(SETTING):
                    yield from ((ref, id) for id in (old, new) if id is not None)
    except UNREADABLE:
        pass  # older runs can't be read


def required_commits(engine: Engine, root: RepositoryState) -> Callable[[ObjectId], bool]:
    """Returns a predicate: whether a commit's tree must exist. A forgotten commit's tree need not, unless a ref names
    it."""
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
    """Returns the impact of each damaged object on the trees that must exist."""
    checker = MetadataChecker(engine, is_bad)
    is_required = required_commits(engine, root)
    found: dict[bytes, Impact] = {}
    for ref, id, commit in iter_commits(engine, root):
        if commit is None or not is_required(id):
            continue
        for damaged, place in checker.tree(commit.tree):
            found.setdefault(damaged, Impact()).add(ref, id, place)
    return found
