"""One writing command: objects, then packs, then one swap of the root. design: docs/format/protocol.md.

The rules that make it safe, each of them necessary:

1. Only packs listed in the root that was read are relied upon; own packs carry that root's epoch.
2. Packs are durable before the root names them.
3. When the swap is lost, the new root is read, and the transaction goes on only if everything it relied
   on is still there and its own packs are at most one epoch old.
4. A commit that is built upon and is not the head of the ref it moves is relied upon, too: no root it goes on
   from may have forgotten it.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice, takewhile
from typing import NamedTuple

from ctxstore.errors import Conflict, Corrupt, CtxstoreError, NotFound, RefMoved, StorageError
from ctxstore.history.commits import read_commit
from ctxstore.history.engine import Engine
from ctxstore.history.forgotten import Forgotten
from ctxstore.history.oplog import Op, RefChange, iter_ops, write_op
from ctxstore.history.refs import Refs
from ctxstore.history.root import advanced
from ctxstore.ids import ID_SIZE, ObjectId, format_id
from ctxstore.objects.store import ObjectWriter
from ctxstore.packs.compact import merge, plan_merge
from ctxstore.packs.names import PackInfo
from ctxstore.packs.writer import NewPack, PackWriter
from ctxstore.storage.protocol import Presence, SwapLost, Unsettled
from ctxstore.trees.walk import TreeWalk

_TRIES = 64

_RECENT = 1000
"""Ops looked at for a commit's name: some 30 ms."""


class MustRestart(Conflict):
    """What the transaction built on is gone: do it again from the start."""

    def __init__(self) -> None:
        super().__init__("others changed the repository all the while", hint="run the command again")


class Move(NamedTuple):
    """Move `ref` from `old` to `new`; the transaction fails with `RefMoved` if somebody moved it first."""

    ref: str
    old: ObjectId | None
    new: ObjectId | None


class Published(NamedTuple):
    """What one swap did."""

    id: ObjectId
    op: Op
    stored_bytes: int


class Transaction:
    """Collects objects and publishes them. Use `transaction`."""

    def __init__(self, engine: Engine, presence: Presence) -> None:
        self.engine = engine
        self._presence = presence
        self._read_root()
        self._epoch = self.root.epoch
        self._made: list[PackInfo] = []
        self._packer = PackWriter(
            engine.storage,
            self._epoch,
            random=engine.environment.random,
            on_pack=self._on_pack,
        )
        self.writer = ObjectWriter(engine.store, self._packer)
        self._own: list[PackInfo] = []
        self._bases: set[ObjectId] = set()
        self._found: set[bytes] = set()
        self._forget: dict[ObjectId, Forgotten | None] = {}
        self._merged: tuple[list[PackInfo], list[PackInfo]] = ([], [])

    def _read_root(self) -> None:
        """Begin at the root as it is now. What it lists is kept: a later one, read by another thread, may lack it."""
        with self.engine.lock:
            self.root, self._bytes = self.engine.load()
            self._listed = self.engine.roots.packs(self.root)
        self._recent = islice(iter_ops(self.engine.store, self.root.op), _RECENT)
        self._named: set[ObjectId] = set()

    @property
    def refs(self) -> Refs:
        """The refs this transaction started from."""
        return self.engine.refs(self.root)

    @property
    def raw_bytes(self) -> int:
        """Bytes of new objects so far."""
        return self._packer.raw_bytes

    def rely(self, id: ObjectId) -> None:
        """Build on a commit that is not the head of the ref this transaction moves; a forgotten one comes back.

        Raises `NotFound` when a collector has taken part of it already.
        """
        commit = read_commit(self.writer, id)
        self._bases.add(id)
        mark = self.engine.forgotten(self.root).find(id)
        if mark is None and self._is_named(id):
            return  # what an op names and nobody forgot stays, as long as nobody forgets it
        try:
            TreeWalk(self.engine.maps, self.writer, self._take, lambda *_: None).tree(commit.tree)
        except NotFound as error:
            why = f"was forgotten ({mark.reason})" if mark else "is not reached by anything"
            raise NotFound(
                f"commit {format_id(id)} {why}, and its content is collected",
                hint=f"`ctx log {commit.ref}` shows the commits before and after it",
            ) from error
        if mark is not None:
            self._forget[id] = None

    def _take(self, id: bytes) -> bool:
        """Rely on one object."""
        if id in self._found:
            return False
        if not self.writer.has(id):
            raise NotFound(f"object {format_id(ObjectId(id))} is not in the repository")
        self._found.add(id)
        return True

    def _is_named(self, id: ObjectId) -> bool:
        """Whether a recent op, each read once, names a commit. Of another it is unknown: a look at its tree tells."""
        while id not in self._named:
            if (found := next(self._recent, None)) is None:
                return False
            self._named.update(each for change in found[1].changes for each in (change.old, change.new) if each)
        return True

    def forget(self, marks: Mapping[ObjectId, Forgotten]) -> None:
        """Let go of commits' trees. A lost swap then is a `MustRestart`: what was decided may be wrong by now."""
        self._forget.update(marks)

    def publish(
        self,
        moves: Sequence[Move],
        command: str,
        note: str = "",
        statistics: Mapping[str, int] | None = None,
        *,
        undoes: ObjectId | None = None,
    ) -> Published:
        """Make the moves visible, durably. Raises `RefMoved`, `MustRestart`, `StorageError`."""
        for _ in range(_TRIES):
            op = self._make_op(moves, command, note, statistics or {})._replace(undoes=undoes)
            op_id = write_op(self.writer, op)
            self._own += self.writer.flush()
            self._merge_small()
            if self._swap(op, op_id):
                self._sweep_merged()
                return Published(op_id, op, sum(pack.size for pack in self._own))
            self._revalidate()
        raise Conflict("too many others are writing to the repository", hint="try again")

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
        self._made.append(pack.info)
        self.engine.store.index.add(pack.info, pack.footer)
        ids = pack.footer.ids
        self.writer.mark_packed(ids[i : i + ID_SIZE] for i in range(0, len(ids), ID_SIZE))

    def _merge_small(self) -> None:
        """Merge a full tier, own packs included, to be swapped in together with them."""
        if self._merged[0]:
            return
        sources = plan_merge([*self._listed, *self._own])
        if not sources:
            return
        before, random = len(self._made), self.engine.environment.random
        packer = PackWriter(self.engine.storage, self.root.epoch, random=random, on_pack=self._on_pack)
        try:
            merge(self.engine.storage, sources, packer)
            made = packer.flush()
        except (Corrupt, NotFound, StorageError):
            # A damaged pack stays for `ctx check` to name, a full disk fails no commit; what was made is litter.
            self.engine.store.index.release(self._made[before:], self.engine.live_packs())
            return
        finally:
            packer.close()
        self._merged = (sources, made)

    def _swap(self, op: Op, id: ObjectId) -> bool:
        packs = self._new_packs()
        environment = self.engine.environment
        root = advanced(self.root, environment.clock())
        root = root._replace(refs=op.refs, forgotten=op.forgotten, op=id)
        root = self.engine.roots.with_packs(root, packs, environment.random, before=self._listed)
        try:
            data = self.engine.roots.swap(self._bytes, root)
            if self.engine.storage.read_root() != data:
                # Another writer's by now, or that of a storage that said yes and did nothing: looked at below.
                raise StorageError("the storage reported a new root, but does not have it")
            self.engine.adopt(root, data)
        except SwapLost:
            return False
        except Unsettled:
            raise  # it happened, but a crash may undo it: not acknowledged, and nothing deleted for it
        except StorageError:
            # A swap may succeed and still be reported as failed; only the root knows. Nobody has said it is durable.
            if not self._is_published(id):
                raise
            self.engine.storage.settle()
        return True

    def _is_published(self, op: ObjectId) -> bool:
        try:
            newest = self.engine.root().op
            since = takewhile(lambda found: found[0] != self.root.op, iter_ops(self.engine.store, newest))
            return any(id == op for id, _ in since)
        except CtxstoreError:
            return False

    def _new_packs(self) -> list[PackInfo]:
        packs = [*self._listed, *self._own]
        sources, made = self._merged
        if not sources:
            return packs
        first = packs.index(sources[0])
        kept = [pack for pack in packs if pack not in set(sources)]
        return [*kept[:first], *made, *kept[first:]]

    def _revalidate(self) -> None:
        self._read_root()
        if self.root.epoch - self._epoch > 1 or any(self._forget.values()):
            raise MustRestart
        if any(id in self.engine.forgotten(self.root) and id not in self._forget for id in self._bases):
            raise MustRestart
        live = {pack.name for pack in self._listed}
        sources, made = self._merged
        own = {pack.name for pack in self._own}
        if any(pack.name not in live | own for pack in sources):
            # The next swap does not list what was made of them, so nothing may be found there any more.
            self.engine.store.index.release(made, self._listed)
            self._merged = ([], [])
        if self.writer.lost_objects(live | own):
            raise MustRestart

    def _sweep_merged(self) -> None:
        """Delete what was merged away, if nobody else is writing; else it waits for gc."""
        sources, _ = self._merged
        self._merged = ([], [])
        try:
            if sources and self._presence.alone():
                self.engine.store.index.release(sources, self.engine.live_packs())
                for pack in sources:
                    self.engine.storage.delete(pack.key)
        except StorageError:
            pass  # the commit is published all the same, and gc tries again

    def close(self) -> None:
        self._packer.close()
        self.engine.store.index.release(self._made, self.engine.live_packs())


@contextmanager
def transaction(engine: Engine) -> Iterator[Transaction]:
    """A transaction for the length of the block; what was not published is litter for gc."""
    with engine.writing, engine.storage.presence() as presence:
        started = Transaction(engine, presence)
        try:
            yield started
        finally:
            started.close()
