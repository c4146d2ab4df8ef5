"""What refs and ops reach: the objects that must stay."""

from __future__ import annotations

from collections.abc import Iterator

from ctxstore.errors import Corrupt, NotFound
from ctxstore.history.commits import Commit, decode_commit
from ctxstore.history.engine import Engine
from ctxstore.history.oplog import decode_op
from ctxstore.history.root import Root
from ctxstore.ids import Kind, ObjectId
from ctxstore.progress import SILENT, Progress
from ctxstore.trees.entries import Entry, FileEntry, ListEntry, MapEntry, decode_entry
from ctxstore.trees.lists import CHUNKS, RECORDS, ListShape
from ctxstore.trees.sequence import Item, Sequence, Shape


class Broken:
    """An object that could not be read, and the commits that need it (none: the history itself)."""

    __slots__ = ("error", "id", "kind", "refs")

    def __init__(self, id: ObjectId, kind: Kind, error: Corrupt | NotFound, ref: str) -> None:
        self.id, self.kind, self.error = id, kind, error
        self.refs = {ref} if ref else set()


class Marker:
    """Marks all that is reachable from a root. Reads structure only, each object once.

    With `broken` a list, objects that can't be read are put there and the rest goes on; without one
    the first of them is raised, because what can't be followed must not be collected.
    """

    def __init__(self, engine: Engine, *, broken: list[Broken] | None = None, progress: Progress = SILENT) -> None:
        self._engine = engine
        self._broken = broken
        self._progress = progress
        self._ref = ""
        self.marked: dict[bytes, None] = {}
        """All that is reachable, in the order of marking."""
        self.order: list[bytes] = []
        """Data objects by context and then by time: the order in which they compress best."""
        self.needed_by: dict[bytes, str] = {}
        """For data objects: a ref that needs it."""
        self.commits = 0

    def mark(self, root: Root) -> dict[bytes, None]:
        """Everything reachable from `root`'s refs and ops."""
        heads = list(self._mark_refs(root.refs))
        heads += ((f"op {commit.hex()[:8]}", commit) for commit in self._mark_ops(root.op))
        histories = [self._mark_history(ref, head) for ref, head in heads]
        # Oldest first: contexts of the same days resemble each other more than those of similar names.
        for history in sorted(filter(None, histories), key=lambda history: history[-1][1].time):
            for id, commit in reversed(history):
                self._ref = commit.ref or id.hex()
                self._mark_tree(commit.tree)
        return self.marked

    def _take(self, id: bytes) -> bool:
        """Mark an object; False when it was marked before."""
        if id in self.marked:
            return False
        self.marked[id] = None
        return True

    def _get(self, id: ObjectId, kind: Kind) -> bytes | None:
        try:
            return self._engine.store.get(id, kind)
        except (Corrupt, NotFound) as error:
            if self._broken is None:
                raise
            self._broken.append(Broken(id, kind, error, self._ref))
            return None

    def _mark_refs(self, refs: ObjectId) -> Iterator[tuple[str, ObjectId]]:
        for key, value, *_ in self._mark_sequence(self._engine.maps.shape, refs):
            yield key.decode("utf-8", "surrogateescape"), ObjectId(value)

    def _mark_ops(self, newest: ObjectId | None) -> Iterator[ObjectId]:
        """Marks the ops and their refs maps; the commits they mention."""
        while newest is not None and self._take(newest):
            data = self._get(newest, Kind.OP)
            if data is None:
                return
            op = decode_op(data)
            for _ in self._mark_refs(op.refs):
                pass
            yield from (id for change in op.changes for id in (change.old, change.new) if id is not None)
            newest = op.previous

    def _mark_history(self, ref: str, head: ObjectId) -> list[tuple[ObjectId, Commit]]:
        """Marks a commit and its ancestors; those not marked before, newest first."""
        found: list[tuple[ObjectId, Commit]] = []
        waiting = [head]
        self._ref = ref
        while waiting:
            id = waiting.pop()
            if not self._take(id):
                continue
            data = self._get(id, Kind.COMMIT)
            if data is None:
                continue
            commit = decode_commit(data)
            self.commits += 1
            self._progress.advance(1)
            found.append((id, commit))
            waiting.extend(commit.parents)
        return found

    def _mark_tree(self, tree: ObjectId) -> None:
        for _, inline, where, _ in self._mark_sequence(self._engine.maps.shape, tree):
            value = inline
            if where is not None and self._take(where):
                self._note(where)
                value = self._get(where, Kind.RECORD)
            if value is not None:
                self._mark_entry(decode_entry(value))

    def _mark_entry(self, entry: Entry) -> None:
        if isinstance(entry, FileEntry) and entry.id is not None:
            if entry.is_list:
                self._mark_list(CHUNKS, entry.id)
            elif self._take(entry.id):
                self._note(entry.id)
        elif isinstance(entry, ListEntry):
            self._mark_list(RECORDS, entry.id)
        elif isinstance(entry, MapEntry):
            for _, _, where, _ in self._mark_sequence(self._engine.maps.shape, entry.id):
                if where is not None and self._take(where):
                    self._note(where)

    def _mark_list(self, shape: ListShape, id: ObjectId) -> None:
        for _, leaf, _ in self._mark_sequence(shape, id):
            if self._take(leaf):
                self._note(leaf)

    def _note(self, id: bytes) -> None:
        self.order.append(id)
        self.needed_by[id] = self._ref

    def _mark_sequence(self, shape: Shape, id: ObjectId) -> Iterator[Item]:
        """Marks a list's or map's root and nodes; the leaves below those not marked before."""
        if not self._take(id):
            return
        if self._get(id, shape.root_kind) is None:
            return
        sequence = Sequence.load(shape, self._engine.store, id)
        for item, level in sequence.tops():
            yield from self._below(sequence, item, level)

    def _below(self, sequence: Sequence, item: Item, level: int) -> Iterator[Item]:
        if level == 0:
            yield item
            return
        node = Sequence.node_id(item)
        if not self._take(node) or self._get(node, Kind.NODE) is None:
            return
        for child in sequence.children(item, level):
            yield from self._below(sequence, child, level - 1)
