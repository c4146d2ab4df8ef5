"""Merges small packs, so that a commit every turn for a year does not leave a year of files.

Packs fall into tiers by size, each eight times the one before. When a tier has eight packs, all of it
becomes one pack of the next tier: every object is rewritten about once a tier.
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
"""Packs of 2 MiB and more are left to gc: merging them would be felt."""

BUDGET = 16 << 20
"""Raw bytes merged by one command at most: some 50 ms of decompressing and compressing."""


def tier_of(size: int) -> int | None:
    """The tier of a pack of `size` bytes; None when it is large enough to stay."""
    for tier in range(TIERS):
        if size < SMALLEST * FAN**tier:
            return tier
    return None


def plan_merge(packs: Sequence[PackInfo]) -> list[PackInfo]:
    """The packs to make one of now: of the lowest tier that is full those within the budget, or nothing."""
    for tier in range(TIERS):
        members = [pack for pack in packs if tier_of(pack.size) == tier]
        sums = accumulate(pack.raw for pack in members)
        affordable = [pack for pack, raw in zip(members, sums, strict=True) if raw <= BUDGET]
        if len(members) >= FAN and len(affordable) > 1:
            return affordable
    return []


def merge(storage: Storage, sources: Sequence[PackInfo], writer: PackWriter) -> None:
    """Copy every object of `sources` once. Raises `Corrupt`, and then the sources must stay."""
    is_new = once()
    for pack in sources:
        copy_objects(storage, pack, read_footer(storage, pack), writer, is_new)


def once() -> Callable[[bytes], bool]:
    """True for every id when it is asked for first."""
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
    """Copy a pack's objects that are wanted; each is asked for once, and copied if so.

    The bytes are not hashed again: the frame's own check covers them, and whoever reads them re-hashes.
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
