"""The transaction of a writing command: objects, then packs, then one swap of the root. See docs/format/protocol.md.

Each of these rules is necessary for its safety:

1. A transaction relies only on packs that the root it read lists. Its own packs carry that root's epoch.
2. Packs are durable before the root names them.
3. If the swap is lost, the transaction reads the new root. It continues only if everything it relies on still exists
   and its own packs are at most one epoch old.
4. A transaction declares each other commit that it depends on, apart from the heads of the refs it moves (`rely`).
   It does not continue from a root that has forgotten such a commit.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import takewhile
from typing import NamedTuple
from weakref import ref

from ctxstore.errors import Conflict, Corrupt, CtxstoreError, NotFound, RefMoved, StorageError
from ctxstore.history.bases import Bases
from ctxstore.history.engine import Engine
from ctxstore.history.forgotten import Forgotten
from ctxstore.history.oplog import Op, RefChange, StoredOp, iter_ops, moved_back, write_op
from ctxstore.history.refs import Refs
from ctxstore.history.root import advanced
from ctxstore.ids import ID_SIZE, ObjectId
from ctxstore.objects.store import ObjectWriter
from ctxstore.packs.compact import merge, plan_merge, with_merged
from ctxstore.packs.names import PackInfo
from ctxstore.packs.writer import NewPack, PackWriter
from ctxstore.storage.protocol import Presence, SwapLost, Unsettled

_TRIES = 64


class MustRestart(Conflict):
    """The state that the transaction relied on is gone, so the command must run again from the start."""

    def __init__(self) -> None:
        super().__init__("the repository changed, and the command must start again", hint="run the command again")


class Move(NamedTuple):
    """A move of `ref` from `old` to `new`, where None means no ref. `RefMoved` is raised if another writer moved it."""

    ref: str
    old: ObjectId | None
    new: ObjectId | None


class Published(NamedTuple):
    """The result of a swap: the op, its id, and the size of the new packs in bytes."""

    id: ObjectId
    op: Op
    stored_bytes: int


class Transaction:
    """Collects objects and publishes them with one swap of the root. Created by `transaction`."""

    def __init__(self, engine: Engine, presence: Presence) -> None:
        self.engine = engine
        self._process = os.getpid()
        self.is_closed = False
        self._presence = presence
        self._read_root()
        self._epoch = self.root.epoch
        self._written: list[PackInfo] = []
        self._packer = PackWriter(
            engine.storage,
            self._epoch,
            random=engine.environment.random,
            on_pack=self._on_pack,
        )
        self.writer = ObjectWriter(engine.store, self._packer)
        self._own: list[PackInfo] = []
        self._bases = Bases(engine, self.writer, self.root)
        self._forget: dict[ObjectId, Forgotten | None] = {}
        self._merged: tuple[list[PackInfo], list[PackInfo]] = ([], [])

    def _read_root(self) -> None:
        """Reads the current root. Keeps its list of packs, because another thread may load a later root."""
        with self.engine.lock:
            self.root, self._bytes = self.engine.load()
            self._listed = self.engine.roots.packs(self.root)

    @property
    def refs(self) -> Refs:
        """The refs of the root that this transaction last read."""
        return self.engine.refs(self.root)

    @property
    def raw_bytes(self) -> int:
        """The size of the new objects so far, in bytes."""
        return self._packer.raw_bytes

    def rely(self, id: ObjectId) -> None:
        """Declares that the transaction depends on a commit that is not the head of the ref it moves.

        If the commit is forgotten, `publish` restores it. Raises `NotFound` if gc has deleted part of its content.
        """
        if self._bases.add(id):
            self._forget[id] = None

    def forget(self, marks: Mapping[ObjectId, Forgotten]) -> None:
        """Marks commits as forgotten.

        If `publish` then loses the swap, it raises `MustRestart`, because the decision to forget may be outdated.
        """
        self._forget.update(marks)

    def publish(
        self,
        moves: Sequence[Move],
        command: str,
        note: str = "",
        statistics: Mapping[str, int] | None = None,
        *,
        undoes: ObjectId | None = None,
        back: str = "",
    ) -> Published:
        """Makes the moves visible and durable. Raises `RefMoved`, `MustRestart`, `Conflict`, `StorageError`.

        If `back` is the name of a command, the same swap adds a second entry to the op log, for that command. This
        entry moves the refs back.
        """
        if os.getpid() != self._process:  # the presence is the parent's
            raise StorageError("a forked child cannot publish what its parent began", hint="begin again in the child")
        for _ in range(_TRIES):
            op = self._make_op(moves, command, note, statistics or {})._replace(undoes=undoes)
            newest, op_id = op, write_op(self.writer, op)
            if back:
                newest = moved_back(StoredOp(op_id, op), back, self.root.refs)
            newest_id = write_op(self.writer, newest) if back else op_id
            self._own += self.writer.flush()
            self._merge_small()
            if self._swap(newest, newest_id):
                self._sweep_merged()
                return Published(op_id, op, sum(pack.size for pack in self._own))
            self._revalidate()
        raise Conflict(f"other writers changed the repository {_TRIES} times in a row", hint="run the command again")

    def _make_op(self, moves: Sequence[Move], command: str, note: str, statistics: Mapping[str, int]) -> Op:
        refs = self.refs
        changes = [RefChange(move.ref, refs.find(move.ref), self._target(move, refs)) for move in moves]
        environment = self.engine.environment
        return Op(
            previous=self.root.op,
            time=environment.clock(),
            author=environment.author,
            command=command,
            note=note,
            refs=refs.updated(self.engine.maps, self.writer, {change.ref: change.new for change in changes}),
            changes=tuple(changes),
            statistics=statistics,
            forgotten=self._forgotten_map(),
        )

    def _forgotten_map(self) -> ObjectId | None:
        if not self._forget:
            return self.root.forgotten
        return self.engine.forgotten(self.root).updated(self.engine.maps, self.writer, self._forget)

    @staticmethod
    def _target(move: Move, refs: Refs) -> ObjectId | None:
        head = refs.find(move.ref)
        if head == move.old:
            return move.new
        raise RefMoved(move.ref, move.old, head)

    def _on_pack(self, pack: NewPack) -> None:
        self._written.append(pack.info)
        self.engine.store.index.add(pack.info, pack.footer)
        ids = pack.footer.ids
        self.writer.mark_packed(ids[i : i + ID_SIZE] for i in range(0, len(ids), ID_SIZE))

    def _merge_small(self) -> None:
        """Merges a full tier of packs, own packs included. The next swap replaces them by the merged packs."""
        if self._merged[0]:
            return
        sources = plan_merge([*self._listed, *self._own])
        if not sources:
            return
        before, random = len(self._written), self.engine.environment.random
        packer = PackWriter(self.engine.storage, self.root.epoch, random=random, on_pack=self._on_pack)
        try:
            merge(self.engine.storage, sources, packer)
            merged = packer.flush()
        except (Corrupt, NotFound, StorageError):
            # `ctx check` reports a damaged pack, and a full disk must not fail a commit. The new packs are litter.
            self.engine.store.index.release(self._written[before:], self.engine.live_packs())
            return
        finally:
            packer.close()
        self._merged = (sources, merged)

    def _swap(self, op: Op, id: ObjectId) -> bool:
        packs = with_merged([*self._listed, *self._own], *self._merged)
        environment = self.engine.environment
        root = advanced(self.root, environment.clock())
        root = root._replace(refs=op.refs, forgotten=op.forgotten, op=id)
        root = self.engine.roots.with_packs(root, packs, environment.random, before=self._listed)
        try:
            data = self.engine.roots.swap(self._bytes, root)
            if self.engine.storage.read_root() != data:
                # Another writer may have replaced it already, or the storage did not write it. Checked below.
                raise StorageError("the storage reported a new root, but has another one", hint="check the disk")
            self.engine.adopt(root, data)
        except SwapLost:
            return False
        except Unsettled:
            raise  # a crash may undo the swap, so it is not acknowledged and nothing is deleted because of it
        except StorageError:
            # A swap that was reported as failed may have happened: the root shows it. `settle` makes it durable.
            if not self._is_published(id):
                raise
            self.engine.storage.settle()
        return True

    def _is_published(self, op: ObjectId) -> bool:
        try:
            newest = self.engine.root().op
            ids = (id for id, _ in iter_ops(self.engine.store, newest))
            return op in takewhile(lambda id: id != self.root.op, ids)
        except CtxstoreError:
            return False

    def _revalidate(self) -> None:
        self._read_root()
        self._bases.restart(self.root)
        if self.root.epoch - self._epoch > 1 or any(self._forget.values()):
            raise MustRestart
        if any(id in self.engine.forgotten(self.root) and id not in self._forget for id in self._bases.ids):
            raise MustRestart
        live = {pack.name for pack in self._listed}
        sources, merged = self._merged
        own = {pack.name for pack in self._own}
        if any(pack.name not in live | own for pack in sources):
            # The next swap does not list the merged packs, so the index must not find objects there any more.
            self.engine.store.index.release(merged, self._listed)
            self._merged = ([], [])
        if self.writer.lost_objects(live | own):
            raise MustRestart

    def _sweep_merged(self) -> None:
        """Deletes the packs that were merged, if no other writer is present. If one is, gc deletes them later."""
        sources, _ = self._merged
        self._merged = ([], [])
        try:
            if sources and self._presence.alone():
                self.engine.store.index.release(sources, self.engine.live_packs())
                for pack in sources:
                    self.engine.storage.delete(pack.key)
        except StorageError:
            pass  # the commit is published, and gc deletes them later

    def close(self) -> None:
        self.is_closed = True
        try:
            self.engine.store.index.release(self._written, self.engine.live_packs())
        finally:
            self._packer.close()


_begun: list[ref[Transaction]] = []
"""The transactions that were begun and may not be closed yet."""


def _release_leftovers(engine: Engine) -> None:
    """Releases packs of transactions that ended without being closed: nothing may rely on them.

    A signal handler can raise when `close` is called, before it has done anything.
    """
    _begun[:] = [each for each in _begun if (tx := each()) is not None and not tx.is_closed]
    kept = {pack.name for each in _begun if (tx := each()) is not None for pack in tx._written}
    engine.store.index.release_all_but(kept, engine.live_packs())


@contextmanager
def transaction(engine: Engine) -> Iterator[Transaction]:
    """Runs the block with a new transaction. Packs that it does not publish are litter, which gc deletes."""
    with engine.writing, engine.storage.presence() as presence:
        _release_leftovers(engine)
        tx = Transaction(engine, presence)
        _begun.append(ref(tx))
        try:
            yield tx
        finally:
            tx.close()
