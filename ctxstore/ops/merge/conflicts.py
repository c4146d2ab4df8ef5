"""What the parts of a merge share: who meets whom, what was in the way, and how it is resolved."""

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
"""Changes of one of our maps: values by key, None to remove."""


class MergeConflict(NamedTuple):
    """Both sides changed the same thing, each in its own way.

    `kind` is messages, memory, file or lines; `name` the memory's key or the file's path, `at` the message or
    line of the result where it is. `ours` and `theirs` tell what each side has; `kept` is ours, theirs or both, and
    `copy` the name under which theirs is kept then, if it has one of its own.
    """

    kind: str
    name: str
    at: int | None
    ours: str
    theirs: str
    kept: str
    copy: str = ""


class ChangedKey(NamedTuple):
    """A key that both sides changed, not alike: its values, None where it is not there."""

    key: bytes
    base: bytes | None
    ours: bytes | None
    theirs: bytes | None


class MergeContext:
    """One merge under way: where its objects go, how conflicts are resolved, and those that were met.

    `choice` is ours, theirs or both; `label` the start of their commit's id, for the names of copies.
    """

    def __init__(self, engine: Engine, writer: ObjectWriter, choice: str, label: str) -> None:
        self.engine = engine
        self.writer = writer
        self.choice = choice
        self.label = label
        self.conflicts: list[MergeConflict] = []

    def kept(self, ours: object | None, theirs: object | None) -> str:
        """Which side of a conflict is kept: of a deletion and a change the change, unless told otherwise."""
        if self.choice != BOTH:
            return self.choice
        if ours is None:
            return THEIRS
        return OURS if theirs is None else BOTH

    def load(self, id: ObjectId | None) -> MapView:
        """A stored map; an empty one without an id."""
        if id is not None:
            return self.engine.maps.load(self.writer, id)
        empty = Sequence(self.engine.maps.shape, self.writer, ObjectId(b""), [[]])
        return MapView(empty, self.writer, Kind.RECORD)


def three_way(base: MapView, ours: MapView, theirs: MapView) -> tuple[Edits, list[ChangedKey]]:
    """(what theirs changed and ours did not, what both changed, not alike), reading only what differs."""
    mine = {key: (before, after) for key, before, after in map_differences(base, ours)}
    edits: Edits = {}
    both = []
    for key, _, after in map_differences(base, theirs):
        if key not in mine:
            edits[key] = after
        elif mine[key][1] != after:
            both.append(ChangedKey(key, *mine[key], after))
    return edits, both


def told(base: object | None, side: object | None, what: str = "") -> str:
    """What a side did, in a word or two."""
    done = "removed" if side is None else "added" if base is None else "changed"
    return f"{done} {what}" if what and side is not None else done


def counted(number: int, noun: str) -> str:
    """``1 line``, ``2 lines``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def free_key(key: bytes, is_taken: Callable[[bytes], bool]) -> bytes:
    """The key, or the first with a number that is not taken."""
    candidates = (key if number == 1 else key + f"-{number}".encode() for number in count(1))
    return next(candidate for candidate in candidates if not is_taken(candidate))
