"""Notes in the cache folder, which a run leaves for the next one. A note may be missing or wrong at any time."""

from __future__ import annotations

import os
from typing import Any

from ctxstore.errors import Corrupt
from ctxstore.history.engine import Engine
from ctxstore.objects.encoding import decode_structure, encode_structure
from ctxstore.storage.caches import read_cache, write_cache

_MAX_NOTE = 1 << 10
"""The largest note that is read, in bytes."""


def read_values(engine: Engine, name: str, version: int) -> list[Any] | None:
    """Returns the values of a note, or None if it is missing, damaged or of another version. The caller checks their
    types."""
    folder = engine.storage.cache_folder()
    if folder is None:
        return None
    data = read_cache(os.path.join(folder, name), _MAX_NOTE)
    if data is None:
        return None
    try:
        found = decode_structure(data)
    except Corrupt:
        return None
    return found[1:] if isinstance(found, list) and found and found[0] == version else None


def write_values(engine: Engine, name: str, version: int, values: tuple[Any, ...]) -> None:
    """Replaces a note. Ignores failures, because a missing note only costs time."""
    folder = engine.storage.cache_folder()
    if folder is None:
        return
    write_cache(os.path.join(folder, name), encode_structure([version, *values]))
