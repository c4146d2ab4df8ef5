"""The decision about a repair: the state to restore, the objects to keep, and those to take from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ctxstore.errors import Corrupt, NotFound
from ctxstore.history.config import Config
from ctxstore.history.engine import Engine, Environment
from ctxstore.history.op_chains import Chains, read_ops
from ctxstore.history.oplog import Op, RefChange, read_op, write_op
from ctxstore.history.refs import Refs
from ctxstore.history.root import RepositoryState
from ctxstore.ids import Kind, ObjectId, format_id
from ctxstore.objects.chunker import ChunkerSettings
from ctxstore.ops.check.check import CheckProblem, object_problems
from ctxstore.ops.check.impact import MetadataChecker
from ctxstore.ops.gc.reachability import Marker, UnreadableObject
from ctxstore.ops.repair.agent_files import AgentFiles, search_agent_files
from ctxstore.ops.repair.examine import Packs, RepositoryRemains, examine_packs, find_state, newest_epoch
from ctxstore.ops.repair.forget_damaged import ForgottenDamage, forget_damaged
from ctxstore.ops.repair.guess_heads import (
    COMMAND,
    apply_changes,
    guess_refs,
    iter_recovered_changes,
    iter_siblings,
    lost_op_note,
)
from ctxstore.ops.repair.object_sources import FallbackStore, LoosePacks, ObjectSource
from ctxstore.ops.repair.op_chain import repair_chain
from ctxstore.ops.repair.salvage import split_ids
from ctxstore.packs.names import PackInfo
from ctxstore.progress import SILENT, Progress
from ctxstore.storage.protocol import Storage

ROUNDS = 8
"""The most searches of the agents' files. Objects found there may refer to further missing objects."""


class RepairOptions(NamedTuple):
    """The options of a repair.

    `others` are further object sources. `forget_damaged` forgets the commits that stay damaged.
    """

    others: Sequence[ObjectSource] = ()
    forget_damaged: bool = False


class RepairNeeds(NamedTuple):
    """The reachable objects that no pack and no object source has.

    - `structure`: the unreadable structure objects. The objects below them are unknown.
    - `content`: maps the id of each missing chunk or record to a context that needs it.
    """

    structure: list[UnreadableObject]
    content: dict[bytes, str]

    @property
    def missing(self) -> set[bytes]:
        """The ids of all missing objects."""
        return {item.id for item in self.structure} | self.content.keys()


class RepairDecision(NamedTuple):
    """The decisions about a repair.

    - `root`: the state to restore, without packs.
    - `gaps`: the number of gaps in the op log.
    - `changes`: the refs that move.
    - `forgotten`: the damaged commits to forget.
    - `problems`: the damage that remains.
    """

    remains: RepositoryRemains
    packs: Packs
    store: FallbackStore
    config: Config
    root: RepositoryState
    gaps: int
    changes: tuple[RefChange, ...]
    forgotten: ForgottenDamage
    problems: tuple[CheckProblem, ...]


def decide(
    storage: Storage, environment: Environment, options: RepairOptions, progress: Progress = SILENT
) -> RepairDecision:
    """Examines the whole repository and decides what to repair. Writes nothing.

    Raises `NotFound`, `UnknownFormat`, `StorageError`.
    """
    remains = find_state(storage)
    config = remains.config or Config(environment.random(16).hex(), environment.clock(), ChunkerSettings())
    engine = Engine(storage, config, environment)
    packs = examine_packs(storage, engine.keys, remains.listed, progress)
    loose = LoosePacks(storage, engine.keys, packs.loose)
    salvaged = {each.info.name: each.footer for each in packs.damaged}
    store = FallbackStore(storage, engine.keys, salvaged, [loose, *options.others])
    store.refresh([*packs.intact, *(each.info for each in packs.damaged)])
    engine.store = store
    planner = _Planner(engine, store, remains, packs, progress)
    root, gaps = planner.restore_state()
    needs = planner.find_needs(root)
    agents = AgentFiles(engine.keys, engine.chunker)
    for _ in range(ROUNDS):
        if not needs.missing or not search_agent_files(engine, root, needs.missing, agents):
            break
        store.add_sources(agents)
        needs = planner.find_needs(root)
    forgotten = ForgottenDamage((), ())
    if options.forget_damaged and needs.missing:
        root, forgotten = forget_damaged(engine, store, root, needs.missing)
        needs = planner.find_needs(root)
    root, changes = planner.record(root, forgotten)
    problems = object_problems(engine, root, needs.structure, needs.content, dict.fromkeys(needs.content, "missing"))
    return RepairDecision(remains, packs, store, config, root, gaps, changes, forgotten, (*planner.lost, *problems))


class _Planner:
    """The steps of a decision that share the examined repository. `lost` lists problems of the history itself."""

    def __init__(
        self, engine: Engine, store: FallbackStore, remains: RepositoryRemains, packs: Packs, progress: Progress
    ) -> None:
        self._engine = engine
        self._store = store
        self._remains = remains
        self._packs = packs
        self._progress = progress
        self._refs_before: ObjectId | None = None
        self._note = ""
        self.lost: list[CheckProblem] = []

    def restore_state(self) -> tuple[RepositoryState, int]:
        """Returns the newest state that can be read or reconstructed, and the number of gaps in its chain of ops.

        The new objects of the repaired chain are put into the store.
        """
        store, engine, known = self._store, self._engine, self._remains.root
        chains = Chains(read_ops(store, self._ids_of(Kind.OP)))
        tip = known.op if known is not None and self._is_readable(known.op) else self._newest_op(chains)
        chain = repair_chain(engine, store, chains, MetadataChecker(engine, lambda _: False), tip)
        op = read_op(store, chain.tip) if chain.tip is not None else None
        self._refs_before = op.refs if op is not None else None
        checker = MetadataChecker(engine, lambda _: False)
        refs = op.refs if op is not None else guess_refs(engine, store, self._ids_of(Kind.COMMIT))
        forgotten = op.forgotten if op is not None else None
        if known is not None and not checker.map(known.refs):
            refs = known.refs
        elif known is None and op is not None:
            refs = apply_changes(engine, store, iter_siblings(chains, tip), refs)
        refs = apply_changes(engine, store, iter_recovered_changes(store, chain.tip), refs)
        if known is not None and (known.forgotten is None or not checker.map(known.forgotten)):
            forgotten = known.forgotten
        if known is not None:
            self._report_lost(known, tip, checker)
        return self._new_root()._replace(refs=refs, forgotten=forgotten, op=chain.tip), chain.gaps

    def _report_lost(self, known: RepositoryState, tip: ObjectId | None, checker: MetadataChecker) -> None:
        """Reports a problem if the newest op or the newest map of refs is lost, since its content is then unknown."""
        if known.op is not None and known.op != tip:
            what = f"op {format_id(known.op, 16)}"
            self.lost.append(CheckProblem("history", what, "the newest run is lost, with everything it saved", ()))
            self._note = lost_op_note(known.op)
        elif checker.map(known.refs) and not self._store.has_object(known.refs):
            what = f"map {format_id(known.refs, 16)}"
            self.lost.append(CheckProblem("history", what, "the list of contexts is lost: an older one is used", ()))

    def _newest_op(self, chains: Chains) -> ObjectId | None:
        newest = self._remains.newest
        return chains.find_newest(newest.op if newest is not None else None)

    def _is_readable(self, op: ObjectId | None) -> bool:
        """Whether an op can be read. `None`, the predecessor of the first op, counts as readable."""
        if op is None:
            return True
        try:
            read_op(self._store, op)
        except (NotFound, Corrupt):
            return False
        return True

    def _new_root(self) -> RepositoryState:
        """Returns a root without packs and refs.

        If the present root or its list of packs is unreadable, the new root starts a later epoch. Then no writer that
        began before the repair can publish.
        """
        newest = self._remains.newest
        if self._remains.root is not None and self._remains.listed is not None:
            return self._remains.root._replace(packs=(), manifest=None)
        epoch = newest_epoch(self._engine.storage, newest) + 2
        serial = newest.serial if newest else sum(pack.objects for pack in self._packs.intact)
        now = self._engine.environment.clock()
        return RepositoryState(serial, epoch, now, (), None, ObjectId(b""), None, None)

    def _ids_of(self, kind: Kind) -> Iterator[ObjectId]:
        """Yields the ids of all readable objects of a kind in the packs."""
        packs: list[PackInfo] = [*self._packs.intact, *(each.info for each in self._packs.damaged)]
        for pack in packs:
            footer = self._store.footer(pack)
            for id, found in zip(split_ids(footer.ids), footer.kinds, strict=True):
                if found == kind:
                    yield ObjectId(id)

    def find_needs(self, root: RepositoryState) -> RepairNeeds:
        """Finds the objects that are reachable from `root` and that no pack and no object source has."""
        structure: list[UnreadableObject] = []
        content: dict[bytes, str] = {}
        visited: set[bytes] = set()

        def visit(id: bytes) -> bool:
            before = len(visited)
            visited.add(id)
            return len(visited) > before

        def leaf(id: ObjectId, kind: Kind, ref: str) -> None:
            if not self._store.is_available(id, kind):
                content[id] = ref

        self._progress.start("look for missing objects (commits)", None)
        try:
            Marker(self._engine, visit, leaf=leaf, unreadable=structure, progress=self._progress).mark(root)
        finally:
            self._progress.done()
        return RepairNeeds(structure, content)

    def record(
        self, root: RepositoryState, forgotten: ForgottenDamage
    ) -> tuple[RepositoryState, tuple[RefChange, ...]]:
        """Returns the root and the changes of refs. If the repair changes anything, adds an op that records it."""
        engine, store = self._engine, self._store
        before = Refs.load(engine.maps, store, self._refs_before) if self._refs_before is not None else None
        old = dict(before.iter_all()) if before is not None else {}
        new = dict(engine.refs_at(root.refs).iter_all())
        names = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
        changes = tuple(RefChange(name, old.get(name), new.get(name)) for name in names)
        is_recorded = root.op is not None and not (changes or forgotten.commits or self._note)
        found = self._remains.root
        if is_recorded or (found is not None and found.has_same_history(root)):
            return root, changes
        now, author = engine.environment.clock(), engine.environment.author
        op = Op(root.op, now, author, COMMAND, self._note, root.refs, changes, {}, root.forgotten)
        return root._replace(op=write_op(store, op)), changes


def is_intact(decision: RepairDecision) -> bool:
    """Whether a repair would change nothing except perhaps the config. Damage that cannot be repaired may exist."""
    remains, packs, store = decision.remains, decision.packs, decision.store
    is_same = remains.root is not None and not remains.root_problem and remains.root.has_same_history(decision.root)
    return is_same and not (packs.damaged or packs.missing or store.found or store.new)
