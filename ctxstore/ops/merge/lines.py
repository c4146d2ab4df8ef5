"""Three-way merging of files by lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ctxstore.ops.merge.three_way import BOTH, CONFLICT, edits, merge

MAX_SIZE = 16 << 20
"""The largest file that is merged by lines, in bytes: the lines of all three versions are in memory at once."""


class MergedLines(NamedTuple):
    """The bytes of a merged file, and its conflicts.

    A conflict is (its line in the result counted from 0, number of our lines, number of their lines).
    """

    data: bytes
    conflicts: tuple[tuple[int, int, int], ...]


def merge_lines(base: bytes, ours: bytes, theirs: bytes, choice: str) -> MergedLines | None:
    """Merges three versions of a text file.

    Returns None if a version contains a NUL byte, or if there are conflicts and `choice` is to keep both sides.
    """
    if any(b"\0" in data for data in (base, ours, theirs)):
        return None
    merged = _merge(base, ours, theirs, choice, split=False)
    return None if merged.conflicts and choice == BOTH else merged


def merge_records(base: bytes, ours: bytes, theirs: bytes, choice: str) -> MergedLines:
    """Merges files with one record a line, such as JSON lines. Conflicts never split or join a line."""
    return _merge(base, ours, theirs, choice, split=True)


def _merge(base: bytes, ours: bytes, theirs: bytes, choice: str, *, split: bool) -> MergedLines:
    lines, left, right = (_split_lines(data) for data in (base, ours, theirs))
    merged: list[bytes] = []
    conflicts = []
    position = 0
    for region in merge(edits(lines, left), edits(lines, right), lambda a, b: lines[a:b], split=split):
        merged += left[position : region.start]
        position = region.start + len(region.ours)
        if region.side == CONFLICT:
            conflicts.append((len(merged), len(region.ours), len(region.theirs)))
        merged += region.resolve(choice)
    merged += left[position:]
    return MergedLines(_join_lines(merged), tuple(conflicts))


def _split_lines(data: bytes) -> list[bytes]:
    """Splits data into lines, line ends included. Only a line feed ends a line."""
    *lines, rest = data.split(b"\n")
    return [line + b"\n" for line in lines] + ([rest] if rest else [])


def _join_lines(lines: Sequence[bytes]) -> bytes:
    """Joins lines. The last line of a file may lack a line feed. It gets one if other lines follow in the result."""

    last = len(lines) - 1
    return b"".join(line if line.endswith(b"\n") or i == last else line + b"\n" for i, line in enumerate(lines))
