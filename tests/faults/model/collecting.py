"""The steps of collectors and sweepers: the section Collecting of docs/format/protocol.md."""

from itertools import chain, combinations

from tests.faults.model.state import (
    ALL,
    DELETING,
    DONE,
    ENTERED,
    LISTED,
    MARKED,
    NO_PACKS,
    READY,
    RENAMED,
    SETTLED,
    START,
    Collector,
    Pack,
    State,
    Steps,
    Sweeper,
    World,
    can_be_alone,
    can_enter,
    can_swap,
    held,
    known_packs,
    marked,
    stepped,
    swapped,
    trees,
)
from tests.faults.model.writing import settled, written


def collector_steps(world: World, state: State, i: int, collector: Collector) -> Steps:
    """Yields all next steps of a collector. Its sweeps are those of a `Sweeper`."""
    done = Collector(collector.name, DONE)
    if collector.at == START:
        yield from _mark(world, state, i, collector)
        return
    if collector.at == DONE:
        return
    yield "is killed", stepped(state, i, done)
    if collector.at == MARKED and can_enter(state):
        yield _rewrite(world, state, i, collector)
    elif collector.at == READY and collector.stale and collector.read is None:
        yield _catch_up(world, state, i, collector)
    elif collector.at == READY and can_swap(state):
        root = collector.read or state.root
        packs = (root.packs - collector.removes - collector.rewrites) | collector.own
        after = swapped(state, root._replace(packs=packs))
        if world.scenario.power:
            renamed, undone = collector._replace(at=RENAMED), state.undone | {state.root}
            yield "Collecting 3: renames the new root", stepped(after, i, renamed, undone=undone)
        else:
            yield "Collecting 3: swaps", stepped(settled(after, renames=True), i, done)
    elif collector.at == RENAMED:
        yield "Collecting 3: syncs the folder", stepped(settled(state, renames=True), i, done)
        yield "Collecting 3: the sync fails", stepped(state, i, done, lying=world.scenario.lies)


def _mark(world: World, state: State, i: int, collector: Collector) -> Steps:
    """Takes the step Collecting 1. Any choice of the partly live packs may be sparse enough to be rewritten."""
    root = state.root
    found = marked(world, root)
    removes = frozenset(pack for pack in root.packs if not pack.objects & found)
    partly = [pack for pack in root.packs - removes if not pack.objects <= found]
    for rewrites in chain.from_iterable(combinations(partly, n) for n in range(len(partly) + 1)):
        if not removes and not rewrites:
            continue
        begun = collector._replace(
            at=MARKED,
            epoch=root.epoch,
            live=found,
            visited=root.commits,
            forgotten=root.forgotten,
            removes=removes,
            rewrites=frozenset(rewrites),
            read=None if world.rules.gc_cas else root,
        )
        yield "Collecting 1: reads the root, marks", stepped(state, i, begun)


def _rewrite(world: World, state: State, i: int, collector: Collector) -> tuple[str, State]:
    """Takes the step Collecting 2."""
    if collector.rewrites & state.deleted:
        return "Collecting 2: a pack is gone, starts anew", stepped(state, i, Collector(collector.name))
    kept = held(collector.rewrites) & collector.live
    own = frozenset({Pack(collector.epoch, collector.name, kept)}) if kept else NO_PACKS
    ready = collector._replace(at=READY, own=own)
    return "Collecting 2: is present, rewrites packs", stepped(state, i, ready, **written(world, state, own))


def _catch_up(world: World, state: State, i: int, collector: Collector) -> tuple[str, State]:
    """Takes the step Collecting 3, after a lost swap: marks the commits made since."""
    rules, root = world.rules, state.root
    anew = "Collecting 3: lost the swap, starts anew", stepped(state, i, Collector(collector.name))
    if rules.gc_epoch and root.epoch - collector.epoch > 1:
        return anew
    if rules.gc_listed and not collector.rewrites <= root.packs:
        return anew
    if rules.gc_forgotten and root.forgotten != collector.forgotten:
        return anew
    # Commits that were visited are not visited again, but forgotten heads are.
    added = root.commits - collector.visited - root.forgotten
    found = trees(world, added | (root.heads & root.forgotten if rules.heads_hold else frozenset()))
    dropped = held((collector.removes | collector.rewrites) & root.packs) - collector.live
    if rules.gc_revived and dropped & found:
        return anew
    caught_up = collector._replace(stale=False, live=collector.live | found, visited=root.commits)
    return "Collecting 3: lost the swap, marks what came since", stepped(state, i, caught_up)


def sweeper_steps(world: World, state: State, i: int, sweeper: Sweeper) -> Steps:
    """Yields all next steps of a sweeper: Collecting 4."""
    rules = world.rules
    if sweeper.at == START:
        if can_enter(state):
            alone = can_be_alone(world, state, i)
            entered = sweeper._replace(at=ENTERED, alone=alone)
            yield f"Collecting 4: is {'' if alone else 'not '}alone", stepped(state, i, entered)
        return
    yield "Collecting 4: stops, or is killed", stepped(state, i, Sweeper(sweeper.name))
    if sweeper.at == ENTERED and not rules.read_then_settle:
        yield _settle(world, state, i, sweeper._replace(at=SETTLED))
    elif sweeper.at in (ENTERED, SETTLED):
        is_settled = sweeper.at == SETTLED or not rules.settle or not world.scenario.power
        up_to = ALL if sweeper.alone else state.root.epoch - rules.lag
        listed = sweeper._replace(at=DELETING if is_settled else LISTED, up_to=up_to, listed=state.root.packs)
        yield "Collecting 4: reads the root", stepped(state, i, listed)
    elif sweeper.at == LISTED:
        yield _settle(world, state, i, sweeper._replace(at=DELETING))
    else:
        for pack in known_packs(state) - state.deleted - sweeper.listed:
            if pack.epoch <= sweeper.up_to:
                yield "Collecting 4: deletes a pack", stepped(state, i, sweeper, deleted=state.deleted | {pack})


def _settle(world: World, state: State, i: int, sweeper: Sweeper) -> tuple[str, State]:
    after = settled(state, renames=world.rules.settle_renames)
    return "Collecting 4: settles the root", stepped(after, i, sweeper)
