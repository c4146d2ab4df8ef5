"""Decides what a repair does: which state to go back to, what to save, what to take from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ctxstore.errors import Corrupt, NotFound
from ctxstore.history.config import Config
from ctxstore.history.engine import Engine, Environment
from ctxstore.history.oplog import Op, RefChange, read_op, write_op
from ctxstore.history.refs import Refs
from ctxstore.history.root import RepositoryState
from ctxstore.ids import Kind, ObjectId, format_id
from ctxstore.objects.chunker import ChunkerSettings
from ctxstore.ops.check.check import CheckProblem, object_problems
from ctxstore.ops.check.impact import MetadataChecker
from ctxstore.ops.gc.reachability import Marker, UnreadableObject
from ctxstore.ops.repair.agent_files import AgentFiles, ask_agents
from ctxstore.ops.repair.examine import Packs, RepositoryRemains, examine_packs, find_state, newest_epoch
from ctxstore.ops.repair.forget_damaged import ForgottenDamage, give_up
from ctxstore.ops.repair.guess_heads import (
    COMMAND,
    heads_of_commits,
    iter_found_again,
    iter_siblings,
    note_of_lost,
    take_changes,
)
from ctxstore.ops.repair.object_sources import FallbackStore, LoosePacks, ObjectSource
from ctxstore.ops.repair.op_chain import Chains, mend, read_ops
from ctxstore.ops.repair.salvage import split_ids
from ctxstore.packs.names import PackInfo
from ctxstore.progress import SILENT, Progress
from ctxstore.storage.protocol import Storage

ROUNDS = 8
"""What the agents' files gave may name more that is missing; they are asked this often."""


class RepairOptions(NamedTuple):
    """`others` may have what is missing; `forget_damaged` lets go of commits that stay damaged."""

    others: Sequence[ObjectSource] = ()
    forget_damaged: bool = False


class RepairNeeds(NamedTuple):
    """What is needed and nowhere: structure that stops the walk, and content by a context that needs it."""

    broken: list[UnreadableObject]
    content: dict[bytes, str]

    @property
    def missing(self) -> set[bytes]:
        """The ids of all of it."""
        return {item.id for item in self.broken} | self.content.keys()


class RepairDecision(NamedTuple):
    """What `plan_repair` found out. `root` lists no packs yet; `is_new_history` says whether it differs from the found
    one in anything else."""

    found: RepositoryRemains
    packs: Packs
    stock: FallbackStore
    config: Config
    root: RepositoryState
    gaps: int
    changes: tuple[RefChange, ...]
    given_up: ForgottenDamage
    problems: tuple[CheckProblem, ...]


def decide(
    storage: Storage, environment: Environment, options: RepairOptions, progress: Progress = SILENT
) -> RepairDecision:
    """Look at everything; nothing is written. Raises `NotFound`, `UnknownFormat`, `StorageError`."""
    found = find_state(storage)
    config = found.config or Config(environment.random(16).hex(), environment.clock(), ChunkerSettings())
    engine = Engine(storage, config, environment)
    packs = examine_packs(storage, engine.keys, found.listed, progress)
    loose = LoosePacks(storage, engine.keys, packs.loose)
    salvaged = {each.info.name: each.footer for each in packs.damaged}
    stock = FallbackStore(storage, engine.keys, salvaged, [loose, *options.others])
    stock.refresh([*packs.sound, *(each.info for each in packs.damaged)])
    engine.store = stock
    run = _Decision(engine, stock, found, packs, progress)
    root, gaps = run.newest_state()
    survey = run.survey(root)
    agents = AgentFiles(engine.keys, engine.chunker)
    for _ in range(ROUNDS):
        if not survey.missing or not ask_agents(engine, root, survey.missing, agents):
            break
        stock.look_again(agents)
        survey = run.survey(root)
    given_up = ForgottenDamage((), ())
    if options.forget_damaged and survey.missing:
        root, given_up = give_up(engine, stock, root, survey.missing)
        survey = run.survey(root)
    root, changes = run.recorded(root, given_up)
    problems = object_problems(engine, root, survey.broken, survey.content, dict.fromkeys(survey.content, "missing"))
    return RepairDecision(found, packs, stock, config, root, gaps, changes, given_up, (*run.lost, *problems))


class _Decision:
    def __init__(
        self, engine: Engine, stock: FallbackStore, found: RepositoryRemains, packs: Packs, progress: Progress
    ) -> None:
        self._engine = engine
        self._stock = stock
        self._found = found
        self._packs = packs
        self._progress = progress
        self._before: ObjectId | None = None
        self._note = ""
        self.lost: list[CheckProblem] = []

    def newest_state(self) -> tuple[RepositoryState, int]:
        """The newest state that can be read, with the chain of ops made whole; and the gaps this had."""
        stock, engine, known = self._stock, self._engine, self._found.root
        chains = Chains(read_ops(stock, self._ids_of(Kind.OP)))
        tip = known.op if known is not None and self._is_readable(known.op) else self._newest_op(chains)
        mended = mend(engine, stock, chains, MetadataChecker(engine, lambda _: False), tip)
        op = read_op(stock, mended.tip) if mended.tip is not None else None
        self._before = op.refs if op is not None else None
        health = MetadataChecker(engine, lambda _: False)
        refs = op.refs if op is not None else heads_of_commits(engine, stock, self._ids_of(Kind.COMMIT))
        forgotten = op.forgotten if op is not None else None
        if known is not None and not health.map(known.refs):
            refs = known.refs
        elif known is None and op is not None:
            refs = take_changes(engine, stock, iter_siblings(chains, tip), refs)
        refs = take_changes(engine, stock, iter_found_again(stock, mended.tip), refs)
        if known is not None and (known.forgotten is None or not health.map(known.forgotten)):
            forgotten = known.forgotten
        if known is not None:
            self._tell_lost(known, tip, health)
        return self._base()._replace(refs=refs, forgotten=forgotten, op=mended.tip), mended.gaps

    def _tell_lost(self, known: RepositoryState, tip: ObjectId | None, health: MetadataChecker) -> None:
        """Say so when the newest state itself is gone: what it was is known to nobody then."""
        if known.op is not None and known.op != tip:
            what = f"op {format_id(known.op, 16)}"
            self.lost.append(CheckProblem("history", what, "the newest run is lost, and what it saved with it", ()))
            self._note = note_of_lost(known.op)
        elif health.map(known.refs) and not self._stock.is_there(known.refs):
            what = f"map {format_id(known.refs, 16)}"
            self.lost.append(CheckProblem("history", what, "the list of contexts is lost: an older one is used", ()))

    def _newest_op(self, chains: Chains) -> ObjectId | None:
        known = self._found.known
        return chains.newest(known.op if known is not None else None)

    def _is_readable(self, op: ObjectId | None) -> bool:
        if op is None:
            return True
        try:
            read_op(self._stock, op)
        except (NotFound, Corrupt):
            return False
        return True

    def _base(self) -> RepositoryState:
        """The root's numbers. One made from what lies around is of an epoch in which no earlier writer can publish."""
        known = self._found.known
        if self._found.root is not None and self._found.listed is not None:
            return self._found.root._replace(packs=(), manifest=None)
        epoch = newest_epoch(self._engine.storage, known) + 2
        serial = known.serial if known else sum(pack.objects for pack in self._packs.sound)
        now = self._engine.environment.clock()
        return RepositoryState(serial, epoch, now, (), None, ObjectId(b""), None, None)

    def _ids_of(self, kind: Kind) -> Iterator[ObjectId]:
        """The ids of all objects of a kind in the packs."""
        packs: list[PackInfo] = [*self._packs.sound, *(each.info for each in self._packs.damaged)]
        for pack in packs:
            footer = self._stock.footer(pack)
            for id, found in zip(split_ids(footer.ids), footer.kinds, strict=True):
                if found == kind:
                    yield ObjectId(id)

    def survey(self, root: RepositoryState) -> RepairNeeds:
        """What is needed and nowhere to be found."""
        broken: list[UnreadableObject] = []
        content: dict[bytes, str] = {}
        taken: set[bytes] = set()

        def take(id: bytes) -> bool:
            before = len(taken)
            taken.add(id)
            return len(taken) > before

        def leaf(id: ObjectId, kind: Kind, ref: str) -> None:
            if not self._stock.find_anywhere(id, kind):
                content[id] = ref

        self._progress.start("look for what is missing (commits)", None)
        try:
            Marker(self._engine, take, leaf=leaf, unreadable=broken, progress=self._progress).mark(root)
        finally:
            self._progress.done()
        return RepairNeeds(broken, content)

    def recorded(
        self, root: RepositoryState, given_up: ForgottenDamage
    ) -> tuple[RepositoryState, tuple[RefChange, ...]]:
        """The root with an op that says what was changed, if anything was, and the changes."""
        engine, stock = self._engine, self._stock
        before = Refs.load(engine.maps, stock, self._before) if self._before is not None else None
        old = dict(before.iter_all()) if before is not None else {}
        new = dict(engine.refs_at(root.refs).iter_all())
        names = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
        changes = tuple(RefChange(name, old.get(name), new.get(name)) for name in names)
        found = self._found.root
        is_same = found is not None and found.has_same_history(root)
        is_known = root.op is not None and not (changes or given_up.commits or self._note)
        if is_same or is_known:
            return root, changes
        now, author = engine.environment.clock(), engine.environment.author
        op = Op(root.op, now, author, COMMAND, self._note, root.refs, changes, {}, root.forgotten)
        return root._replace(op=write_op(stock, op)), changes


def is_whole(decided: RepairDecision) -> bool:
    """Whether all but the config is as it should be, or can't be mended."""
    found, packs, stock = decided.found, decided.packs, decided.stock
    is_same = found.root is not None and not found.root_problem and found.root.has_same_history(decided.root)
    return is_same and not (packs.damaged or packs.missing or stock.taken or stock.made)
