"""Three-way merging of files by lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ctxstore.ops.merge.three_way import BOTH, CONFLICT, edits, merge

MAX_SIZE = 16 << 20
"""Larger files are not merged by lines: the lines of three versions are held at once."""


class MergedLines(NamedTuple):
    """The merged bytes, and the conflicts in it: (line from 0, lines of ours, lines of theirs)."""

    data: bytes
    conflicts: tuple[tuple[int, int, int], ...]


def merge_lines(base: bytes, ours: bytes, theirs: bytes, choice: str) -> MergedLines | None:
    """Merge text; None if it is no text, or if there are conflicts that `choice` is to keep both sides of."""
    if any(b"\0" in data for data in (base, ours, theirs)):
        return None
    merged = _merge(base, ours, theirs, choice, split=False)
    return None if merged.conflicts and choice == BOTH else merged


def merge_records(base: bytes, ours: bytes, theirs: bytes, choice: str) -> MergedLines:
    """Merge files of one record a line, such as JSON lines: whatever happens, lines stay whole."""
    return _merge(base, ours, theirs, choice, split=True)


def _merge(base: bytes, ours: bytes, theirs: bytes, choice: str, *, split: bool) -> MergedLines:
    lines, left, right = (_lines(data) for data in (base, ours, theirs))
    made: list[bytes] = []
    conflicts = []
    position = 0
    for region in merge(edits(lines, left), edits(lines, right), lambda a, b: lines[a:b], split=split):
        made += left[position : region.start]
        position = region.start + len(region.ours)
        if region.side == CONFLICT:
            conflicts.append((len(made), len(region.ours), len(region.theirs)))
        made += region.resolved(choice)
    made += left[position:]
    return MergedLines(_joined(made), tuple(conflicts))


def _lines(data: bytes) -> list[bytes]:
    """The lines with their ends: a line feed alone ends one."""
    *lines, rest = data.split(b"\n")
    return [line + b"\n" for line in lines] + ([rest] if rest else [])


def _joined(lines: Sequence[bytes]) -> bytes:
    """The lines in one piece; one that was the last of its file, without an end, gets one if others follow."""
    last = len(lines) - 1
    return b"".join(line if line.endswith(b"\n") or i == last else line + b"\n" for i, line in enumerate(lines))
