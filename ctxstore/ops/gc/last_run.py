"""A note of the last collection in the cache folder. The next collection uses it to skip a marking without benefit.

The note never decides which objects are dead, so a wrong note costs only time or space. See docs/format/cache.md.
"""

from __future__ import annotations

from typing import NamedTuple

from ctxstore.history.engine import Engine
from ctxstore.ids import ObjectId, as_id
from ctxstore.ops.refs.cache_notes import read_values, write_values

VERSION = 1
_NAME = "gc-note"

GROWTH = 1.5
"""The growth in the number of objects that makes a new marking worthwhile.

Runs that had to start over leave a few dead objects in live packs. They are searched for when the repository has this
many times as many objects as at the last collection.
"""


class Note(NamedTuple):
    """The state at the last complete marking: the map of forgotten commits, their number, and the number of objects."""

    forgotten: ObjectId | None
    commits: int
    objects: int


def read_note(engine: Engine) -> Note | None:
    """Returns the note of the last collection, or None."""
    try:
        forgotten, commits, objects = read_values(engine, _NAME, VERSION) or []
        if type(commits) is not int or type(objects) is not int:
            return None
        return Note(as_id(forgotten), commits, objects)
    except (TypeError, ValueError):
        return None


def write_note(engine: Engine) -> None:
    """Writes a note of the repository's present state. Ignores failures, because a missing note only costs time."""
    root = engine.root()
    note = Note(root.forgotten, len(engine.forgotten(root)), _objects(engine))
    write_values(engine, _NAME, VERSION, note)


def is_worthwhile(engine: Engine) -> bool:
    """Whether a complete marking may find dead objects."""
    note = read_note(engine)
    if note is None or note.forgotten != engine.root().forgotten:
        return True
    return _objects(engine) >= note.objects * GROWTH


def count_uncollected(engine: Engine) -> int:
    """Returns the number of commits that were forgotten since the last collection."""
    note = read_note(engine)
    root = engine.root()
    if note is not None and note.forgotten == root.forgotten:
        return 0
    return max(0, len(engine.forgotten(root)) - (note.commits if note else 0))


def _objects(engine: Engine) -> int:
    """Returns the number of objects in the live packs."""
    return sum(pack.objects for pack in engine.live_packs())
