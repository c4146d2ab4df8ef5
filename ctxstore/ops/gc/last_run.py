"""What the last collection left in the cache folder, so that the next one knows whether there is anything to find.

Only a reason to look or not to look, never what is dead: a wrong note costs time or space. docs/format/cache.md.
"""

from __future__ import annotations

from typing import NamedTuple

from ctxstore.history.engine import Engine
from ctxstore.ids import ObjectId, as_id
from ctxstore.ops.refs.cache_notes import read_values, write_values

VERSION = 1
_NAME = "gc-note"

GROWTH = 1.5
"""Commands that had to start over leave a few dead objects in live packs: they are looked for when a repository has
this many times the objects of last time."""


class Note(NamedTuple):
    """The map of forgotten commits when everything was marked last, how many these were, and the objects then."""

    forgotten: ObjectId | None
    commits: int
    objects: int


def read_note(engine: Engine) -> Note | None:
    """What the last collection noted, or None."""
    try:
        forgotten, commits, objects = read_values(engine, _NAME, VERSION) or []
        if type(commits) is not int or type(objects) is not int:
            return None
        return Note(as_id(forgotten), commits, objects)
    except (TypeError, ValueError):
        return None


def write_note(engine: Engine) -> None:
    """Note the state of the repository. A failure costs only time, so it is silent."""
    root = engine.root()
    note = Note(root.forgotten, len(engine.forgotten(root)), _objects(engine))
    write_values(engine, _NAME, VERSION, note)


def is_worthwhile(engine: Engine) -> bool:
    """Whether marking everything may find something dead."""
    note = read_note(engine)
    if note is None or note.forgotten != engine.root().forgotten:
        return True
    return _objects(engine) >= note.objects * GROWTH


def count_uncollected(engine: Engine) -> int:
    """How many commits were forgotten since the last collection."""
    note = read_note(engine)
    root = engine.root()
    if note is not None and note.forgotten == root.forgotten:
        return 0
    return max(0, len(engine.forgotten(root)) - (note.commits if note else 0))


def _objects(engine: Engine) -> int:
    return sum(pack.objects for pack in engine.live_packs())
