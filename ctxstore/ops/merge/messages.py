"""Three-way state of native contexts, which programs store: messages by record, memories by key."""

from __future__ import annotations

from ctxstore.ids import ObjectId
from ctxstore.ops.content.view import decode_memory_key
from ctxstore.ops.merge.conflicts import (
    ChangedKey,
    MergeConflict,
    MergeContext,
    describe_change,
    format_count,
    free_key,
    three_way,
)
from ctxstore.ops.merge.three_way import BOTH, CONFLICT, THEIRS, SequenceEdit, merge
from ctxstore.trees.compare import differences
from ctxstore.trees.entries import ListEntry, MapEntry, decode_entry, encode_entry
from ctxstore.trees.lists import RECORDS, load_list, total_size
from ctxstore.trees.maps import MapView
from ctxstore.trees.sequence import Item, Sequence, Splice, apply


def merge_messages(state: MergeContext, changed: ChangedKey) -> bytes:
    """Merges two lists of messages and returns the merged list's encoded entry.

    Nodes that both lists share are neither read nor written.
    """
    base, ours, theirs = (_load_list(state, value) for value in changed.values)
    splices: list[Splice] = []
    shift = 0
    for region in merge(_edits(base, ours), _edits(base, theirs), lambda a, b: list(base.leaves(a, b))):
        items = region.resolve(state.choice)
        if region.side == CONFLICT:
            left, right = (format_count(len(side), "message") for side in (region.ours, region.theirs))
            conflict = MergeConflict("messages", "", region.start + shift, left, right, state.choice)
            state.conflicts.append(conflict)
        splices.append(Splice(region.start, region.start + len(region.ours), items))
        shift += len(items) - len(region.ours)
    builder = apply(ours, state.writer, splices)
    view = builder.view(state.writer, builder.finish())
    return encode_entry(ListEntry(view.id, view.count, total_size(view)))


def _load_list(state: MergeContext, value: bytes | None) -> Sequence:
    entry = decode_entry(value) if value is not None else None
    if isinstance(entry, ListEntry):
        return load_list(RECORDS, state.writer, entry.id)
    return Sequence(RECORDS, state.writer, ObjectId(b""), [[]])


def _edits(base: Sequence, side: Sequence) -> list[SequenceEdit[Item]]:
    regions = differences(base, side)
    return [SequenceEdit(region.old_start, region.old_start + len(region.old), region.new) for region in regions]


def merge_memories(state: MergeContext, changed: ChangedKey) -> bytes:
    """Merges two maps of memories and returns the merged map's encoded entry.

    If both versions of a memory are kept, theirs is stored under ``KEY (theirs LABEL)``.
    """
    base, ours, theirs = (_load_map(state, value) for value in changed.values)
    edits, both = three_way(base, ours, theirs)
    for key, before, left, right in both:
        kept = state.choose_side(left, right)
        copy = b""
        if kept == THEIRS:
            edits[key] = right
        elif kept == BOTH:
            wanted = key + f" (theirs {state.label})".encode()
            copy = free_key(wanted, lambda name: name in edits or any(side.find(name) for side in (ours, theirs)))
            edits[copy] = right
        sides = (describe_change(before, left), describe_change(before, right))
        conflict = MergeConflict("memory", decode_memory_key(key), None, *sides, kept, decode_memory_key(copy))
        state.conflicts.append(conflict)
    id = state.engine.maps.update(ours, state.writer, edits)
    return encode_entry(MapEntry(id, len(state.load(id))))


def _load_map(state: MergeContext, value: bytes | None) -> MapView:
    entry = decode_entry(value) if value is not None else None
    return state.load(entry.id if isinstance(entry, MapEntry) else None)
