"""A three-way merge of two commits into a context, from their nearest common ancestor."""

from __future__ import annotations

from typing import NamedTuple

from ctxstore.errors import AlreadyExists, Conflict, InvalidInput, NotFound
from ctxstore.history.commits import Commit, StoredCommit, Summary, write_commit
from ctxstore.history.engine import Engine
from ctxstore.history.refs import check_name
from ctxstore.history.revisions import Revision
from ctxstore.history.transaction import Move, Transaction, transaction
from ctxstore.ids import ObjectId, format_id
from ctxstore.ops.merge.conflicts import MergeConflict, MergeContext, three_way
from ctxstore.ops.merge.files import FileMerge, has_same_content
from ctxstore.ops.merge.merge_base import find_merge_base, iter_common
from ctxstore.ops.merge.messages import merge_memories, merge_messages
from ctxstore.ops.merge.three_way import BOTH, OURS, THEIRS
from ctxstore.ops.refs.retry import retry
from ctxstore.sources.protocol import Source
from ctxstore.sources.registry import get_source
from ctxstore.trees.entries import (
    MEMORIES,
    MESSAGES,
    FileEntry,
    ListEntry,
    MapEntry,
    decode_entry,
    decode_key,
    encode_key,
)
from ctxstore.trees.files import read_content
from ctxstore.trees.maps import MapView

CHOICES = (OURS, THEIRS, BOTH)


class Merged(NamedTuple):
    """The result of a merge.

    - `stored`: the context's new head. It is a merge commit or, if `is_fast_forward`, the one of the two commits that
      descends from the other.
    - `base`: the common ancestor that the merge used, or None if there is none.
    - `op`: the id of the new entry of the op log, or None if the context was already at `stored`.
    """

    ref: str
    stored: StoredCommit
    base: ObjectId | None
    conflicts: tuple[MergeConflict, ...]
    is_fast_forward: bool
    op: ObjectId | None


class Merge(NamedTuple):
    """A request to merge two revisions into the context `into`.

    `choice` resolves conflicts: ``ours``, ``theirs``, or ``both``. `note` becomes the commit's note.
    """

    ours: Revision
    theirs: Revision
    into: str
    choice: str = BOTH
    note: str = ""


def merge_revisions(engine: Engine, request: Merge) -> Merged:
    """Merges two revisions and moves the context to the result.

    Raises `InvalidInput` for a bad name or choice, and for an agent's session together with a program's messages.
    Raises `NotFound` if the content of a side is collected. Raises `Conflict` if the context moved since, and
    `AlreadyExists` if it is neither side of the merge.
    """
    check_name(request.into)
    if request.choice not in CHOICES:
        raise InvalidInput(
            f"{request.choice!r} is not a way to resolve conflicts", hint=f"choose one of {', '.join(CHOICES)}"
        )
    return retry(lambda: _merge_once(engine, request))


def _merge_once(engine: Engine, request: Merge) -> Merged:
    """Merges in one transaction. Raises `RefMoved` or `MustRestart` if other processes were faster."""
    ours, theirs = (StoredCommit(side.id, side.commit) for side in (request.ours, request.theirs))
    with transaction(engine) as tx:
        head = tx.refs.find(request.into)
        _check_target(request, head)
        nearest = next(iter_common(engine, ours.id, theirs.id), None)
        if nearest is not None and nearest.id in (ours.id, theirs.id):
            newer = theirs if nearest.id == ours.id else ours
            return _fast_forward(tx, request, head, newer, nearest.id)
        for side in (ours, theirs):
            tx.rely(side.id)
        base = find_merge_base(engine, ours.id, theirs.id)
        state = MergeContext(engine, tx.writer, request.choice, format_id(theirs.id))
        tree = _merge_trees(state, base, ours, theirs)
        commit = _make_commit(state, request, tree)
        id = write_commit(tx.writer, commit)
        published = tx.publish([Move(request.into, head, id)], "merge", commit.note, _statistics(state))
    conflicts = tuple(state.conflicts)
    return Merged(request.into, StoredCommit(id, commit), base.id if base else None, conflicts, False, published.id)


def _check_target(request: Merge, head: ObjectId | None) -> None:
    """Raises `Conflict` if the target has another head than the two sides, because its content would be dropped."""
    if head not in (None, request.ours.id, request.theirs.id):
        hint = "choose a new name, or merge its current head"
        if request.into in (request.ours.ref, request.theirs.ref):
            raise Conflict(f"the head of {request.into!r} is neither of the merged commits", hint=hint)
        raise AlreadyExists(f"context {request.into!r} already exists and is neither side of the merge", hint=hint)


def _fast_forward(
    tx: Transaction, request: Merge, head: ObjectId | None, newer: StoredCommit, base: ObjectId
) -> Merged:
    """Moves the context to `newer`, which descends from the other side, unless its head is `newer` already."""

    op = None
    if head != newer.id:
        tx.rely(newer.id)
        op = tx.publish([Move(request.into, head, newer.id)], "merge", request.note).id
    return Merged(request.into, newer, base, (), True, op)


def _statistics(state: MergeContext) -> dict[str, int]:
    return {"conflicts": len(state.conflicts)} if state.conflicts else {}


def _merge_trees(state: MergeContext, base: StoredCommit | None, ours: StoredCommit, theirs: StoredCommit) -> ObjectId:
    """Writes the merged tree and returns its id. Conflicts are added to `state`."""
    common = state.load(base.commit.tree if base else None)
    left, right = (state.load(side.commit.tree) for side in (ours, theirs))
    _refuse_mixed((ours.commit, right), (theirs.commit, left))
    edits, both = three_way(common, left, right)
    native = {MESSAGES: merge_messages, MEMORIES: merge_memories}
    files = FileMerge(state, left, right)
    for changed in both:
        if changed.key in native:
            edits[changed.key] = native[changed.key](state, changed)
        else:
            files.merge(changed, edits)
    files.separate_files_from_folders(edits)
    return state.engine.maps.update(left, state.writer, edits)


def _refuse_mixed(*pairs: tuple[Commit, MapView]) -> None:
    """Raises `InvalidInput` if an agent's session would be merged with a context of messages that a program wrote.

    A program writes such messages through the library. Each pair is the commit of one side and the other side's tree.
    """
    if any(commit.source and other.find(MESSAGES) is not None for commit, other in pairs):
        raise InvalidInput(
            "cannot merge an agent's session with messages that a program stored",
            hint="`ctx export` writes either of them for other programs",
        )


def _make_commit(state: MergeContext, request: Merge, tree: ObjectId) -> Commit:
    environment = state.engine.environment
    sides = (request.ours, request.theirs)
    ours, theirs = (side.commit for side in sides)
    return Commit(
        tree=tree,
        parents=tuple(side.id for side in sides),
        generation=max(ours.generation, theirs.generation) + 1,
        time=environment.clock(),
        author=environment.author,
        # The files of an agent's session are located by the session's own name, whatever the merged context is called.
        ref=ours.ref if ours.source else request.into,
        note=request.note or " and ".join(f"{side.ref} ({format_id(side.id)})" for side in sides),
        source=ours.source,
        root=ours.root,
        label=ours.label,
        summary=_summarise(state, tree, ours, theirs),
    )


def _summarise(state: MergeContext, tree: ObjectId, ours: Commit, theirs: Commit) -> Summary:
    """Returns the merged commit's summary, counted from the entries of its tree."""
    entries = {key: decode_entry(value) for key, value in state.load(tree).items()}
    source = _find_source(ours.source)
    files = {decode_key(key): entry for key, entry in entries.items() if isinstance(entry, FileEntry)}
    memories, messages = entries.get(MEMORIES), entries.get(MESSAGES)
    if source:
        summary = _summarise_transcript(state, source, ours, theirs, files)
    else:
        summary = _combine(ours.summary, theirs.summary)
    if isinstance(messages, ListEntry):
        summary = summary._replace(messages=messages.length)
    memory_count = sum(map(source.is_memory, files)) if source else 0
    memory_count = memories.length if isinstance(memories, MapEntry) else memory_count
    size = sum(entry.size for entry in entries.values() if isinstance(entry, (FileEntry, ListEntry)))
    return summary._replace(files=len(files), memories=memory_count, bytes=size)


def _combine(ours: Summary, theirs: Summary) -> Summary:
    """Returns our summary, with fields that are None taken from theirs."""
    return Summary(*(a if a is not None else b for a, b in zip(ours, theirs, strict=True)))  # type: ignore[arg-type]


def _find_source(name: str) -> Source | None:
    """Returns the source of this name, or None if the name is empty or unknown to this release."""
    try:
        return get_source(name) if name else None
    except NotFound:
        return None


def _summarise_transcript(
    state: MergeContext, source: Source, ours: Commit, theirs: Commit, files: dict[str, FileEntry]
) -> Summary:
    """Returns the summary of the merged transcript. Reads the transcript only if it differs from both sides' ones."""
    key = source.transcript(ours.ref, files)
    if key is None:
        return _combine(ours.summary, theirs.summary)
    for side in (ours, theirs):
        value = state.load(side.tree).find(encode_key(key))
        entry = decode_entry(value) if value is not None else None
        if isinstance(entry, FileEntry) and has_same_content(entry, files[key]):
            return side.summary
    scanner = source.scanner(ours.ref, key)
    if scanner is None:
        return _combine(ours.summary, theirs.summary)
    for block in read_content(state.writer, files[key]):
        scanner.feed(block)
    return Summary(*scanner.finish())
