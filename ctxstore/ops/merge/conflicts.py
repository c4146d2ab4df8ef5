"""The parts of a merge that messages, memories and files share: conflicts, how they are resolved, and map merging."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import NamedTuple

from ctxstore.history.engine import Engine
from ctxstore.ids import Kind, ObjectId
from ctxstore.objects.store import ObjectWriter
from ctxstore.ops.merge.three_way import BOTH, OURS, THEIRS
from ctxstore.trees.maps import MapView, map_differences
from ctxstore.trees.sequence import Sequence

Edits = dict[bytes, bytes | None]
"""Changes to one of our maps: the new value of each key, or None to remove the key."""


class MergeConflict(NamedTuple):
    """A conflict: both sides changed the same thing differently.

    `kind` is ``messages``, ``memory``, ``file`` or ``lines``. `name` is the memory's key or the file's path.
    `at` is the position in the result, counted from 0: a message for ``messages``, a line for ``lines``, else None.
    `ours` and `theirs` describe each side in a few words. `kept` is ``ours``, ``theirs`` or ``both``.
    `copy` is the name of the copy of their version, if both were kept and the copy has a name.
    """

    kind: str
    name: str
    at: int | None
    ours: str
    theirs: str
    kept: str
    copy: str = ""


class ChangedKey(NamedTuple):
    """A key of a map that both sides changed differently, with its three values. None: the key does not exist."""

    key: bytes
    base: bytes | None
    ours: bytes | None
    theirs: bytes | None

    @property
    def values(self) -> tuple[bytes | None, bytes | None, bytes | None]:
        """The values of the base, ours and theirs, in this order."""
        return self.base, self.ours, self.theirs


class MergeContext:
    """The state of one merge: its object writer, how conflicts are resolved, and the conflicts so far.

    `choice` is ``ours``, ``theirs`` or ``both``. `label` is the start of their commit's id, for the names of copies.
    """

    def __init__(self, engine: Engine, writer: ObjectWriter, choice: str, label: str) -> None:
        self.engine = engine
        self.writer = writer
        self.choice = choice
        self.label = label
        self.conflicts: list[MergeConflict] = []

    def choose_side(self, ours: object | None, theirs: object | None) -> str:
        """Returns the side of a conflict to keep: ``ours``, ``theirs`` or ``both``.

        With the choice ``both``, a change wins over a deletion (None).
        """
        if self.choice != BOTH:
            return self.choice
        if ours is None:
            return THEIRS
        return OURS if theirs is None else BOTH

    def load(self, id: ObjectId | None) -> MapView:
        """Loads the map stored under `id`. Returns an empty map if `id` is None."""
        if id is not None:
            return self.engine.maps.load(self.writer, id)
        empty = Sequence(self.engine.maps.shape, self.writer, ObjectId(b""), [[]])
        return MapView(empty, self.writer, Kind.RECORD)


def three_way(base: MapView, ours: MapView, theirs: MapView) -> tuple[Edits, list[ChangedKey]]:
    """Compares two maps with their base.

    Returns the changes that only theirs made, and the keys that both changed differently. Reads only the nodes of the
    maps that differ.
    """
    our_changes = {key: (before, after) for key, before, after in map_differences(base, ours)}
    edits: Edits = {}
    both = []
    for key, _, after in map_differences(base, theirs):
        if key not in our_changes:
            edits[key] = after
            continue
        before, our_value = our_changes[key]
        if our_value != after:
            both.append(ChangedKey(key, before, our_value, after))
    return edits, both


def describe_change(base: object | None, side: object | None, noun: str = "") -> str:
    """Describes the change from `base` to `side`: ``removed``, ``added file``. None: the thing does not exist."""
    verb = "removed" if side is None else "added" if base is None else "changed"
    return f"{verb} {noun}" if noun and side is not None else verb


def format_count(number: int, noun: str) -> str:
    """Formats a number with its noun: ``1 line``, ``2 lines``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def free_key(key: bytes, is_taken: Callable[[bytes], bool]) -> bytes:
    """Returns `key` if it is not taken, otherwise the first of ``key-2``, ``key-3``, … that is not."""
    candidates = (key if number == 1 else key + f"-{number}".encode() for number in count(1))
    return next(candidate for candidate in candidates if not is_taken(candidate))
