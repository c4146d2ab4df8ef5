"""Merging two commits into a context, from what they have in common."""

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
from ctxstore.ops.merge.files import FileMerge
from ctxstore.ops.merge.merge_base import find_merge_base, iter_common
from ctxstore.ops.merge.messages import merge_memories, merge_messages
from ctxstore.ops.merge.three_way import BOTH, OURS, THEIRS
from ctxstore.ops.refs.retry import retried
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
    """What a merge made of two commits.

    `stored` is where the context is now: a merge commit, or with `is_fast_forward` one of the two, because it
    descends from the other. `base` is the commit both came from, `op` None when nothing had to be written.
    """

    ref: str
    stored: StoredCommit
    base: ObjectId | None
    conflicts: tuple[MergeConflict, ...]
    is_fast_forward: bool
    op: ObjectId | None


class Merge(NamedTuple):
    """What is to be merged, and how. `choice` resolves conflicts: ours, theirs, or both."""

    ours: Revision
    theirs: Revision
    into: str
    choice: str = BOTH
    note: str = ""


def merge(engine: Engine, wanted: Merge) -> Merged:
    """Merge. Raises `InvalidInput`, `NotFound`, `Conflict` when the context has moved on or is another one."""
    check_name(wanted.into)
    if wanted.choice not in CHOICES:
        raise InvalidInput(f"{wanted.choice!r} resolves no conflict", hint=f"one of {', '.join(CHOICES)}")
    return retried(lambda: _merge_once(engine, wanted))


def _merge_once(engine: Engine, wanted: Merge) -> Merged:
    ours, theirs = (StoredCommit(*side[1:]) for side in (wanted.ours, wanted.theirs))
    with transaction(engine) as tx:
        head = tx.refs.find(wanted.into)
        _refuse_other(wanted, head)
        nearest = next(iter_common(engine, ours.id, theirs.id), None)
        if nearest is not None and nearest.id in (ours.id, theirs.id):
            newer = theirs if nearest.id == ours.id else ours
            return _forward(tx, wanted, head, newer, nearest.id)
        for side in (ours, theirs):
            tx.rely(side.id)
        base = find_merge_base(engine, ours.id, theirs.id)
        merging = MergeContext(engine, tx.writer, wanted.choice, format_id(theirs.id))
        tree = _merge_trees(merging, base, ours, theirs)
        made = _make_commit(merging, wanted, tree)
        id = write_commit(tx.writer, made)
        published = tx.publish([Move(wanted.into, head, id)], "merge", made.note, _counts(merging))
    conflicts = tuple(merging.conflicts)
    return Merged(wanted.into, StoredCommit(id, made), base.id if base else None, conflicts, False, published.id)


def _refuse_other(wanted: Merge, head: ObjectId | None) -> None:
    """A merge may make a context, or go on where one of its sides is; any other would lose what is there."""
    if head not in (None, wanted.ours.id, wanted.theirs.id):
        hint = "choose a new name, or merge what is there now"
        if wanted.into in (wanted.ours.ref, wanted.theirs.ref):
            raise Conflict(f"{wanted.into!r} is not at a commit that is merged", hint=hint)
        raise AlreadyExists(f"there is a context {wanted.into!r} already, which is neither side", hint=hint)


def _forward(tx: Transaction, wanted: Merge, head: ObjectId | None, newer: StoredCommit, base: ObjectId) -> Merged:
    op = None
    if head != newer.id:
        tx.rely(newer.id)
        op = tx.publish([Move(wanted.into, head, newer.id)], "merge", wanted.note).id
    return Merged(wanted.into, newer, base, (), True, op)


def _counts(merging: MergeContext) -> dict[str, int]:
    return {"conflicts": len(merging.conflicts)} if merging.conflicts else {}


def _merge_trees(
    merging: MergeContext, base: StoredCommit | None, ours: StoredCommit, theirs: StoredCommit
) -> ObjectId:
    common = merging.load(base.commit.tree if base else None)
    left, right = (merging.load(side.commit.tree) for side in (ours, theirs))
    _refuse_mixed((ours.commit, right), (theirs.commit, left))
    edits, both = three_way(common, left, right)
    native = {MESSAGES: merge_messages, MEMORIES: merge_memories}
    files = FileMerge(merging, left, right)
    for changed in both:
        if changed.key in native:
            edits[changed.key] = native[changed.key](merging, changed)
        else:
            files.merge(changed, edits)
    files.keep_apart(edits)
    return merging.engine.maps.update(left, merging.writer, edits)


def _refuse_mixed(*pairs: tuple[Commit, MapView]) -> None:
    if any(commit.source and other.find(MESSAGES) is not None for commit, other in pairs):
        raise InvalidInput(
            "one is an agent's session, the other has messages that a program stored: they are no one conversation",
            hint="`ctx export` writes either of them for other programs",
        )


def _make_commit(merging: MergeContext, wanted: Merge, tree: ObjectId) -> Commit:
    environment = merging.engine.environment
    sides = (wanted.ours, wanted.theirs)
    ours, theirs = (side.commit for side in sides)
    return Commit(
        tree=tree,
        parents=tuple(side.id for side in sides),
        generation=max(ours.generation, theirs.generation) + 1,
        time=environment.clock(),
        author=environment.author,
        # An agent's files are found by the name the agent's session has, whatever the context is called.
        ref=ours.ref if ours.source else wanted.into,
        note=wanted.note or " and ".join(f"{side.ref} ({format_id(side.id)})" for side in sides),
        source=ours.source,
        root=ours.root,
        label=ours.label,
        summary=_summarise(merging, tree, ours, theirs),
    )


def _summarise(merging: MergeContext, tree: ObjectId, ours: Commit, theirs: Commit) -> Summary:
    found = {key: decode_entry(value) for key, value in merging.load(tree).items()}
    source = _find_source(ours.source)
    files = {decode_key(key): entry for key, entry in found.items() if isinstance(entry, FileEntry)}
    memories, messages = found.get(MEMORIES), found.get(MESSAGES)
    summary = _read_transcript(merging, source, ours, theirs, files) if source else _known(ours.summary, theirs.summary)
    if isinstance(messages, ListEntry):
        summary = summary._replace(messages=messages.length)
    kept = sum(map(source.is_memory, files)) if source else 0
    kept = memories.length if isinstance(memories, MapEntry) else kept
    size = sum(entry.size for entry in found.values() if isinstance(entry, (FileEntry, ListEntry)))
    return summary._replace(files=len(files), memories=kept, bytes=size)


def _known(ours: Summary, theirs: Summary) -> Summary:
    return Summary(*(a if a is not None else b for a, b in zip(ours, theirs, strict=True)))  # type: ignore[arg-type]


def _find_source(name: str) -> Source | None:
    try:
        return get_source(name) if name else None
    except NotFound:
        return None


def _read_transcript(
    merging: MergeContext, source: Source, ours: Commit, theirs: Commit, files: dict[str, FileEntry]
) -> Summary:
    """What the transcript says: read only if it is neither side's as it was."""
    key = source.transcript(ours.ref, files)
    for side in (ours, theirs):
        value = merging.load(side.tree).find(encode_key(key)) if key is not None else None
        if value is not None and decode_entry(value)[2:] == files[key or ""][2:]:
            return side.summary
    scanner = source.scanner(ours.ref, key) if key is not None else None
    if key is None or scanner is None:
        return _known(ours.summary, theirs.summary)
    for block in read_content(merging.writer, files[key]):
        scanner.feed(block)
    return Summary(*scanner.finish())
