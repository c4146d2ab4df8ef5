"""From what a person writes to a storage."""

from __future__ import annotations

import os

from ctxstore.errors import InvalidInput
from ctxstore.storage.protocol import Storage


def locate(place: str) -> Storage:
    """The storage a place names: a folder's path, ``file:PATH`` or ``memory:``. Raises `InvalidInput`."""
    if not _is_path(place):
        raise InvalidInput(f"{place!r} is no path of a folder", hint="name a folder, or file:PATH")
    scheme, colon, rest = place.partition(":")
    if colon and scheme == "memory":
        from ctxstore.storage.memory import MemoryStorage

        return MemoryStorage()
    if colon and scheme == "file":
        place = rest.removeprefix("//")
    elif colon and rest.startswith("//"):
        raise InvalidInput(f"{place}: no storage is known for {scheme}:", hint="name a folder, or file:PATH")
    if not place:
        raise InvalidInput("the repository's path is empty", hint="name a folder")
    from ctxstore.storage.local import LocalStorage

    return LocalStorage(os.path.abspath(place))


def _is_path(place: str) -> bool:
    """Whether the operating system takes it: NUL bytes end its names, and lone surrogates stand for bytes only."""
    try:
        return "\0" not in place and os.fsencode(place) is not None
    except UnicodeEncodeError:
        return False
