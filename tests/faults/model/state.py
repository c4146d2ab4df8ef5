"""The states of the model checker: a repository, the processes that work on it, and the invariants.

Objects are letters and commits are words. A pack is its name and its objects. A state leaves out litter that no process
knows: it has no effect, because names are random and never repeat. A state also leaves out what a process learned from
the root it read last. It only has whether the root changed since (`stale`): a swap succeeds only if it did not.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import NamedTuple

from tests.faults.model.rules import Rules

Names = frozenset[str]
NONE: Names = frozenset()

START, READY, RENAMED, UNSURE, DELETING, DONE = "start", "ready", "renamed", "unsure", "deleting", "done"
MARKED = "marked"
ENTERED, SETTLED, LISTED = "entered", "settled", "listed"

ALL = 99
"""An epoch that no name reaches."""


class Pack(NamedTuple):
    """A pack, named by `epoch` and `name`."""

    epoch: int
    name: str
    objects: Names


Packs = frozenset[Pack]
NO_PACKS: Packs = frozenset()


class Root(NamedTuple):
    """A root. `refs` are pairs of a ref and its head, and `commits` are all that the ops name."""

    epoch: int
    packs: Packs
    refs: frozenset[tuple[str, str]]
    commits: Names
    forgotten: Names = NONE

    @property
    def heads(self) -> Names:
        """The commits that refs and tags name."""
        return frozenset(commit for _, commit in self.refs)


class Task(NamedTuple):
    """A writer's task: move `ref` from `old` to `new`, whose tree is `puts` and the objects it takes over unread."""

    ref: str = ""
    old: str | None = None
    new: str | None = None
    puts: Names = NONE
    relies: Names = NONE
    forgets: Names = NONE
    merges: bool = False


class Merge(NamedTuple):
    """A merge: the source packs and their replacement."""

    sources: Packs
    made: Pack


class Writer(NamedTuple):
    """A transaction. `relied` are the objects it left out, and `bases` are the commits it builds on."""

    name: str
    task: Task
    at: str = START
    stale: bool = False
    epoch: int = 0
    own: Packs = NO_PACKS
    relied: Names = NONE
    bases: Names = NONE
    revives: Names = NONE
    merge: Merge | None = None
    read: Root | None = None


class Collector(NamedTuple):
    """A collector after its first sweep. `live`, `visited` and `forgotten` are its marks."""

    name: str
    at: str = START
    stale: bool = False
    epoch: int = 0
    live: Names = NONE
    visited: Names = NONE
    forgotten: Names = NONE
    removes: Packs = NO_PACKS
    rewrites: Packs = NO_PACKS
    own: Packs = NO_PACKS
    read: Root | None = None


class Sweeper(NamedTuple):
    """A process that deletes unlisted packs with names up to the epoch `up_to`. It repeats forever."""

    name: str
    at: str = START
    alone: bool = False
    up_to: int = -1
    listed: Packs = NO_PACKS


Process = Writer | Collector | Sweeper


class State(NamedTuple):
    """A repository and its processes at one moment. `undone` contains the roots that a power failure may restore."""

    root: Root
    processes: tuple[Process, ...]
    undone: frozenset[Root] = frozenset()
    lying: bool = False
    """Whether a sync failed, so that the next one succeeds without effect."""
    deleted: Packs = NO_PACKS
    volatile: Packs = NO_PACKS
    acknowledged: Names = NONE


class Scenario(NamedTuple):
    """The first state of a search, and the events besides the processes' steps."""

    name: str
    trees: Mapping[str, Names]
    start: State
    epochs: int = 0
    power: bool = False
    """Whether swaps take two steps, rename and sync. Each may fail, and the power may fail before the second."""
    lies: bool = False
    """Whether a failed sync loses the data it should have written."""


class World(NamedTuple):
    """A scenario under some rules."""

    scenario: Scenario
    rules: Rules


Steps = Iterator[tuple[str, State]]


@cache
def held(packs: Packs) -> Names:
    """Returns the objects in some packs."""
    return frozenset().union(*(pack.objects for pack in packs))


def live(world: World, root: Root) -> Names:
    """Returns the objects of all commits that are heads or not forgotten. Users rely on these."""
    return trees(world, (root.commits - root.forgotten) | root.heads)


def marked(world: World, root: Root) -> Names:
    """Returns the objects that a collector considers live."""
    return live(world, root) if world.rules.heads_hold else trees(world, root.commits - root.forgotten)


def trees(world: World, commits: Names) -> Names:
    """Returns the objects of some commits."""
    return frozenset().union(*(world.scenario.trees[commit] for commit in commits))


def is_present(process: Process) -> bool:
    """Whether a process has shared or exclusive presence."""
    return process.at not in (START, MARKED, DONE)


def is_alone(process: Process) -> bool:
    """Whether a process has exclusive presence."""
    if isinstance(process, Sweeper):
        return process.alone and is_present(process)
    return process.at == DELETING


def can_enter(state: State) -> bool:
    """Whether no process is alone. If one is, others wait to become present."""
    return not any(map(is_alone, state.processes))


def can_be_alone(world: World, state: State, i: int) -> bool:
    """Whether no other process is present."""
    return not world.rules.presence or not any(
        is_present(process) for k, process in enumerate(state.processes) if k != i
    )


def can_swap(state: State) -> bool:
    """Whether no process has root.lock."""
    return not any(process.at == RENAMED for process in state.processes)


def stepped(state: State, i: int, process: Process, **changes: object) -> State:
    """Returns the state in which process `i` has become `process`."""
    processes = (*state.processes[:i], process, *state.processes[i + 1 :])
    return tidied(state._replace(processes=processes, **changes))  # type: ignore[arg-type]


def swapped(state: State, root: Root, **changes: object) -> State:
    """Returns the state with a new root. Whatever a process has read is then stale."""
    processes = tuple(
        process._replace(stale=True) if not isinstance(process, Sweeper) and process.at in (MARKED, READY) else process
        for process in state.processes
    )
    return state._replace(root=root, processes=processes, **changes)  # type: ignore[arg-type]


def known_packs(state: State) -> Packs:
    """Returns the packs that some root lists or some process knows."""
    known = set(state.root.packs).union(*(root.packs for root in state.undone))
    for process in state.processes:
        if isinstance(process, Sweeper):
            continue
        known |= process.own
        if isinstance(process, Collector):
            known |= process.removes | process.rewrites
        elif process.merge is not None:
            known |= {*process.merge.sources, process.merge.made}
        if process.read is not None:
            known |= process.read.packs
    return frozenset(known)


def tidied(state: State) -> State:
    """Returns the state without the parts that no process can observe."""
    known = known_packs(state)
    processes = tuple(
        process._replace(listed=process.listed & known) if isinstance(process, Sweeper) and process.listed else process
        for process in state.processes
    )
    return state._replace(deleted=state.deleted & known, volatile=state.volatile & known, processes=processes)


def fault(world: World, state: State) -> str:
    """Finds the fault of a state, or returns an empty text.

    Checks the root and every root that a power failure may restore.
    """
    for root in (state.root, *state.undone):
        what = "" if root is state.root else "after a power cut, "
        if root.packs & state.deleted:
            return f"{what}the root lists a deleted pack: {show(root.packs & state.deleted)}"
        if root.packs & state.volatile:
            return f"{what}the root lists a pack that was never durable: {show(root.packs & state.volatile)}"
        if missing := live(world, root) - held(root.packs):
            return f"{what}no pack holds live objects: {' '.join(sorted(missing))}"
        if lost := state.acknowledged - root.commits:
            return f"{what}acknowledged commits are lost: {' '.join(sorted(lost))}"
    return ""


def show(packs: Packs) -> str:
    """Formats packs as text."""
    return ", ".join(
        f"{pack.epoch}-{pack.name or 'old'}({''.join(sorted(pack.objects))})" for pack in sorted(packs, key=repr)
    )
