"""What the last collection left in the cache folder, so that the next one knows whether there is anything to find.

Only a reason to look or not to look, never what is dead: a wrong note costs time or space. docs/format/cache.md.
"""

from __future__ import annotations

import os
from typing import NamedTuple

from ctxstore.errors import Corrupt
from ctxstore.history.engine import Engine
from ctxstore.ids import ObjectId, as_id
from ctxstore.objects.encoding import decode_structure, encode_structure

VERSION = 1
_MAX_NOTE = 1 << 10

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
    path = _path(engine)
    if path is None:
        return None
    try:
        with open(path, "rb") as file:
            version, forgotten, commits, objects = decode_structure(file.read(_MAX_NOTE))
        if version != VERSION or type(commits) is not int or type(objects) is not int:
            return None
        return Note(as_id(forgotten), commits, objects)
    except (OSError, Corrupt, TypeError, ValueError):
        return None


def write_note(engine: Engine) -> None:
    """Note the state of the repository. A failure costs only time, so it is silent."""
    path = _path(engine)
    if path is None:
        return
    root = engine.root()
    note = Note(root.forgotten, len(engine.forgotten(root)), _objects(engine))
    pending = f"{path}.{os.getpid()}.new"
    try:
        fd = os.open(pending, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with open(fd, "wb") as file:
            file.write(encode_structure([VERSION, *note]))
        os.replace(pending, path)
    except OSError:
        pass


def is_worthwhile(engine: Engine) -> bool:
    """Whether marking everything may find something dead."""
    note = read_note(engine)
    if note is None or note.forgotten != engine.root().forgotten:
        return True
    return _objects(engine) >= note.objects * GROWTH


def newly_forgotten(engine: Engine) -> int:
    """How many commits were forgotten since the last collection."""
    note = read_note(engine)
    root = engine.root()
    if note is not None and note.forgotten == root.forgotten:
        return 0
    return max(0, len(engine.forgotten(root)) - (note.commits if note else 0))


def _objects(engine: Engine) -> int:
    return sum(pack.objects for pack in engine.live_packs())


def _path(engine: Engine) -> str | None:
    folder = engine.storage.cache_folder()
    return os.path.join(folder, "gc-note") if folder else None
