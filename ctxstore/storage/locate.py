"""The lookup of a storage by its address, as a person writes it."""

from __future__ import annotations

import os

from ctxstore.errors import InvalidInput
from ctxstore.storage.protocol import Storage


def locate(place: str) -> Storage:
    """Returns the storage at `place`: a folder's path, ``file:PATH`` or ``memory:``. Raises `InvalidInput`."""
    if not _is_path(place):
        raise InvalidInput(f"{place!r} is not a valid path", hint="give the path of a folder, or file:PATH")
    scheme, colon, rest = place.partition(":")
    if colon and scheme == "memory":
        from ctxstore.storage.memory import MemoryStorage

        return MemoryStorage()
    if colon and scheme == "file":
        place = rest.removeprefix("//")
    elif colon and rest.startswith("//"):
        raise InvalidInput(f"{place}: {scheme}: is not supported", hint="give the path of a folder, or file:PATH")
    if not place:
        raise InvalidInput("the repository's path is empty", hint="give the path of a folder")
    from ctxstore.storage.local import LocalStorage

    return LocalStorage(os.path.abspath(place))


def _is_path(place: str) -> bool:
    """Whether the operating system accepts the path: no NUL byte, and no surrogates except for undecoded bytes."""
    try:
        return "\0" not in place and os.fsencode(place) is not None
    except UnicodeEncodeError:
        return False
