"""Three-way merging of what programs store: messages by record, memories by key."""

from __future__ import annotations

from ctxstore.ids import ObjectId
from ctxstore.ops.content.view import decode_memory_key
from ctxstore.ops.merge.conflicts import ChangedKey, MergeConflict, MergeContext, counted, free_key, three_way, told
from ctxstore.ops.merge.three_way import BOTH, CONFLICT, THEIRS, SequenceEdit, merge
from ctxstore.trees.compare import differences
from ctxstore.trees.entries import ListEntry, MapEntry, decode_entry, encode_entry
from ctxstore.trees.lists import RECORDS, load_list, total_size
from ctxstore.trees.maps import MapView
from ctxstore.trees.sequence import Item, Sequence, Splice, apply


def merge_messages(merging: MergeContext, changed: ChangedKey) -> bytes:
    """The merged list's entry. What both have in common is neither read nor written."""
    base, ours, theirs = (_list(merging, value) for value in changed[1:])
    splices: list[Splice] = []
    grown = 0
    for region in merge(_edits(base, ours), _edits(base, theirs), lambda a, b: list(base.leaves(a, b))):
        items = region.resolved(merging.choice)
        if region.side == CONFLICT:
            left, right = (counted(len(side), "message") for side in (region.ours, region.theirs))
            conflict = MergeConflict("messages", "", region.start + grown, left, right, merging.choice)
            merging.conflicts.append(conflict)
        splices.append(Splice(region.start, region.start + len(region.ours), items))
        grown += len(items) - len(region.ours)
    builder = apply(ours, merging.writer, splices)
    view = builder.view(merging.writer, builder.finish())
    return encode_entry(ListEntry(view.id, view.count, total_size(view)))


def _list(merging: MergeContext, value: bytes | None) -> Sequence:
    entry = decode_entry(value) if value is not None else None
    if isinstance(entry, ListEntry):
        return load_list(RECORDS, merging.writer, entry.id)
    return Sequence(RECORDS, merging.writer, ObjectId(b""), [[]])


def _edits(base: Sequence, side: Sequence) -> list[SequenceEdit[Item]]:
    found = differences(base, side)
    return [SequenceEdit(region.old_start, region.old_start + len(region.old), region.new) for region in found]


def merge_memories(merging: MergeContext, changed: ChangedKey) -> bytes:
    """The merged map's entry."""
    base, ours, theirs = (_map(merging, value) for value in changed[1:])
    edits, both = three_way(base, ours, theirs)
    for key, before, left, right in both:
        kept = merging.kept(left, right)
        copy = b""
        if kept == THEIRS:
            edits[key] = right
        elif kept == BOTH:
            wanted = key + f" (theirs {merging.label})".encode()
            copy = free_key(wanted, lambda name: name in edits or any(side.find(name) for side in (ours, theirs)))
            edits[copy] = right
        sides = (told(before, left), told(before, right))
        names = (decode_memory_key(key), decode_memory_key(copy))
        merging.conflicts.append(MergeConflict("memory", names[0], None, *sides, kept, names[1]))
    id = merging.engine.maps.update(ours, merging.writer, edits)
    return encode_entry(MapEntry(id, len(merging.load(id))))


def _map(merging: MergeContext, value: bytes | None) -> MapView:
    entry = decode_entry(value) if value is not None else None
    return merging.load(entry.id if isinstance(entry, MapEntry) else None)
