"""The merging of small packs, so that a commit every turn for a year does not leave a year of files.

Packs fall into tiers by file size: below 32 KiB, below 256 KiB, below 2 MiB. When a tier has eight packs, they become
one pack of the next tier. So every object is rewritten about once per tier.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate

from ctxstore.ids import ID_SIZE
from ctxstore.packs.format import Footer, is_data_kind
from ctxstore.packs.frames import unpack_frame
from ctxstore.packs.names import PackInfo
from ctxstore.packs.reader import read_footer
from ctxstore.packs.writer import PackWriter
from ctxstore.storage.protocol import Storage

FAN = 8
SMALLEST = 32 << 10
TIERS = 3
"""The number of tiers. Packs of 2 MiB and more are left to gc: merging them would noticeably slow a command."""

BUDGET = 16 << 20
"""The most raw bytes that one command merges: some 50 ms of decompressing and compressing."""


def tier_of(size: int) -> int | None:
    """Returns the tier of a pack of `size` bytes, or None if it is too large to merge."""
    for tier in range(TIERS):
        if size < SMALLEST * FAN**tier:
            return tier
    return None


def plan_merge(packs: Sequence[PackInfo]) -> list[PackInfo]:
    """Returns the packs to merge now: those of the lowest full tier that fit `BUDGET`. Empty if there are none."""
    for tier in range(TIERS):
        members = [pack for pack in packs if tier_of(pack.size) == tier]
        sums = accumulate(pack.raw for pack in members)
        affordable = [pack for pack, raw in zip(members, sums, strict=True) if raw <= BUDGET]
        if len(members) >= FAN and len(affordable) > 1:
            return affordable
    return []


def merge(storage: Storage, sources: Sequence[PackInfo], writer: PackWriter) -> None:
    """Copies every object of `sources` once. If it raises `Corrupt`, the sources must be kept."""
    is_new = once()
    for pack in sources:
        copy_objects(storage, pack, read_footer(storage, pack), writer, is_new)


def once() -> Callable[[bytes], bool]:
    """Returns a predicate that is true for an id at its first call with it, and false afterwards."""
    seen: set[bytes] = set()

    def is_new(id: bytes) -> bool:
        before = len(seen)
        seen.add(id)
        return len(seen) > before

    return is_new


def copy_objects(
    storage: Storage,
    pack: PackInfo,
    footer: Footer,
    writer: PackWriter,
    is_wanted: Callable[[bytes], bool],
) -> None:
    """Copies the objects of a pack that `is_wanted` selects. Calls it once per object of the footer.

    The bytes are not hashed again: the frame's check covers them, and every reader hashes them.
    """
    at = 0
    for frame in footer.frames:
        ids = [footer.ids[i * ID_SIZE : (i + 1) * ID_SIZE] for i in range(at, at + frame.objects)]
        wanted = [is_wanted(id) for id in ids]
        if any(wanted):
            _, raw = unpack_frame(storage.get(pack.key, frame.offset, frame.stored))
            view = memoryview(raw)
            position = 0
            for i, id in enumerate(ids):
                length = footer.lengths[at + i]
                if wanted[i]:
                    kind = footer.kinds[at + i]
                    writer.add(kind, id, view[position : position + length], is_data_kind(kind))
                position += length
        at += frame.objects


def with_merged(packs: list[PackInfo], sources: list[PackInfo], merged: list[PackInfo]) -> list[PackInfo]:
    """Returns the list of packs with `merged` in place of `sources`."""
    if not sources:
        return packs
    first, replaced = packs.index(sources[0]), set(sources)
    kept = [pack for pack in packs if pack not in replaced]
    return [*kept[:first], *merged, *kept[first:]]
