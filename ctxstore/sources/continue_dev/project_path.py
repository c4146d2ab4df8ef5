"""The folder a session worked in: a path, or an editor's URI of it."""

from __future__ import annotations

_FILE = "file://"


def path_of(place: str) -> str:
    """The path."""
    if not place.startswith(_FILE):
        return place
    from urllib.parse import unquote

    return unquote(place.removeprefix(_FILE))


def place_of(path: str, like: str) -> str:
    """The path, written as `like` is."""
    if not like.startswith(_FILE):
        return path
    from urllib.parse import quote

    return _FILE + quote(path.encode("utf-8", "surrogatepass"))
