"""The steps of a writer: the sections Writing and Merging of docs/format/protocol.md."""

from itertools import combinations

from tests.faults.model.state import (
    DELETING,
    DONE,
    MARKED,
    NO_PACKS,
    NONE,
    READY,
    RENAMED,
    START,
    UNSURE,
    Merge,
    Pack,
    Packs,
    Root,
    State,
    Steps,
    World,
    Writer,
    can_be_alone,
    can_enter,
    can_swap,
    held,
    known_packs,
    stepped,
    swapped,
    trees,
)


def writer_steps(world: World, state: State, i: int, writer: Writer) -> Steps:
    """Yields all next steps of a writer."""
    if writer.at == START:
        if can_enter(state):
            yield _begin(world, state, i, writer)
        return
    if writer.at == DONE:
        return
    yield "is killed", stepped(state, i, ended(writer))
    if writer.at == MARKED and can_enter(state):
        yield "Writing 1: is present too late", stepped(state, i, writer._replace(at=READY))
    elif writer.at == READY:
        yield from _ready_steps(world, state, i, writer)
    elif writer.at == RENAMED:
        yield "Writing 4: syncs the folder, is acknowledged", _acknowledged(world, state, i, writer, synced=True)
        yield "Writing 6: the sync fails", stepped(state, i, ended(writer), lying=world.scenario.lies)
        yield "Writing 6: the rename happened and is reported as failed", stepped(state, i, writer._replace(at=UNSURE))
    elif writer.at == UNSURE:
        synced = world.rules.settle_unsure
        yield "Writing 6: finds its op, is acknowledged", _acknowledged(world, state, i, writer, synced=synced)
    elif writer.at == DELETING and writer.merge is not None:
        for source in writer.merge.sources - state.deleted:
            yield "Merging: deletes a source", stepped(state, i, writer, deleted=state.deleted | {source})


def ended(writer: Writer) -> Writer:
    """Returns the writer after its end. Killed, failed and done are the same."""
    return Writer(writer.name, writer.task, DONE)


def _begin(world: World, state: State, i: int, writer: Writer) -> tuple[str, State]:
    """Takes the steps Writing 1 and 2 at once. Packs that exist early only give a sweeper more to delete."""
    root, task = state.root, writer.task
    if not _may_move(writer, root) or task.forgets & root.heads:
        return "Writing 5: finds that the ref has moved", stepped(state, i, ended(writer))
    known = held(root.packs if world.rules.listed_only else known_packs(state) - state.deleted)
    revives = task.relies & root.forgotten
    content = trees(world, revives)
    if world.rules.revive_looks_up and not content <= known:
        return "Writing 1: a forgotten commit is collected", stepped(state, i, ended(writer))
    new = task.puts - known
    own = frozenset({_new_pack(world, writer, root.epoch, new)}) if new else NO_PACKS
    begun = writer._replace(
        at=READY if world.rules.present_first else MARKED,
        epoch=root.epoch,
        own=own,
        relied=(task.puts & known) | (content if world.rules.revive_looks_up else NONE),
        bases=task.relies - revives,
        revives=revives,
        read=None if world.rules.cas else root,
    )
    text = "Writing 1, 2: is present, reads the root, writes packs"
    return text, stepped(state, i, begun, **written(world, state, own))


def _new_pack(world: World, writer: Writer, epoch: int, objects: frozenset[str]) -> Pack:
    return Pack(epoch, writer.name, objects) if world.rules.unique_names else Pack(0, "", objects)


def written(world: World, state: State, packs: Packs) -> dict[str, Packs]:
    """Computes the fields that change when packs are written."""
    if world.rules.durable_packs:
        return {"deleted": state.deleted - packs}
    return {"deleted": state.deleted - packs, "volatile": state.volatile | packs}


def _may_move(writer: Writer, root: Root) -> bool:
    return dict(root.refs).get(writer.task.ref) == writer.task.old


def _ready_steps(world: World, state: State, i: int, writer: Writer) -> Steps:
    if writer.stale and writer.read is None:
        yield _revalidate(world, state, i, writer)
        return
    if writer.task.merges and writer.merge is None:
        packs = state.root.packs | writer.own
        for pair in combinations(sorted(packs - state.deleted, key=repr), 2):
            made = Pack(state.root.epoch, writer.name + "-merge", held(frozenset(pair)))
            merging = writer._replace(merge=Merge(frozenset(pair), made))
            changes = written(world, state, frozenset({made}))
            yield "Writing 3: merges two packs", stepped(state, i, merging, **changes)
    if can_swap(state):
        after = swapped(state, _published(writer, writer.read or state.root))
        if world.scenario.power:
            renamed = writer._replace(at=RENAMED)
            yield "Writing 4: renames the new root", stepped(after, i, renamed, undone=state.undone | {state.root})
        else:
            text = "Writing 4: swaps, is acknowledged"
            yield text, _acknowledged(world, after, i, writer, synced=True)


def _published(writer: Writer, root: Root) -> Root:
    task = writer.task
    packs = root.packs | writer.own
    if writer.merge is not None:
        packs = (packs - writer.merge.sources) | {writer.merge.made}
    forgotten = (root.forgotten - writer.revives) | task.forgets
    if task.new is None:
        return root._replace(packs=packs, forgotten=forgotten)
    refs = {**dict(root.refs), task.ref: task.new}
    return root._replace(
        packs=packs, refs=frozenset(refs.items()), commits=root.commits | {task.new}, forgotten=forgotten
    )


def _acknowledged(world: World, state: State, i: int, writer: Writer, *, synced: bool) -> State:
    after = ended(writer)
    if writer.merge is not None and (not world.rules.merge_sweep_alone or can_be_alone(world, state, i)):
        # Only the packs that it deletes are left of it.
        after = after._replace(at=DELETING, merge=writer.merge)
    if writer.task.new is not None:
        state = state._replace(acknowledged=state.acknowledged | {writer.task.new})
    if synced:
        state = settled(state, renames=writer.at != UNSURE or world.rules.settle_renames)
    return stepped(state, i, after)


def settled(state: State, *, renames: bool) -> State:
    """Returns the state in which the present root is durable.

    A sync may lie, but not after a new rename.
    """
    if state.lying and not renames:
        return state
    return state._replace(undone=frozenset(), lying=False)


def _revalidate(world: World, state: State, i: int, writer: Writer) -> tuple[str, State]:
    """Takes the step Writing 5, after a lost swap."""
    rules, root = world.rules, state.root
    anew = "Writing 5: lost the swap, starts anew", stepped(state, i, Writer(writer.name, writer.task, START))
    if rules.own_epoch and root.epoch - writer.epoch > 1:
        return anew
    if rules.forget_anew and writer.task.forgets:
        return anew
    if rules.relied_commits and writer.bases & root.forgotten:
        return anew
    merge = writer.merge
    if merge is not None and rules.merge_sources and not merge.sources <= root.packs | writer.own:
        merge = None
    there = root.packs | writer.own | ({merge.made} if merge else NO_PACKS)
    if rules.relied_objects and not writer.relied <= held(there):
        return anew
    if not _may_move(writer, root):
        return "Writing 5: finds that the ref has moved", stepped(state, i, ended(writer))
    return "Writing 5: lost the swap, goes on", stepped(state, i, writer._replace(stale=False, merge=merge))
