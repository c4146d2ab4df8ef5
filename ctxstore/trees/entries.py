"""Tree entries: what a name in a tree stands for. docs/format/trees.md is normative.

A tree is one map from the whole path (``/`` between its parts) to an entry. Keys that start with ``/``
can be no file's: they name native lists and maps, such as ``/messages``.
"""

import enum
from typing import NamedTuple

from ctxstore.errors import Corrupt
from ctxstore.ids import ID_SIZE, ObjectId
from ctxstore.objects.encoding import decode_structure, encode_structure

MESSAGES = b"/messages"
MEMORIES = b"/memories"


class EntryKind(enum.IntEnum):
    """Numbers are part of the format."""

    FILE = 1
    DIR = 2
    SYMLINK = 3
    LIST = 4
    MAP = 5


class FileEntry(NamedTuple):
    """A file's metadata and content: no id when empty, a chunk's when it is one chunk, else a list's."""

    mode: int
    mtime_ns: int
    size: int
    is_list: bool
    id: ObjectId | None


class DirEntry(NamedTuple):
    """A folder: its permissions and time; what is in it are entries of their own."""

    mode: int
    mtime_ns: int


class SymlinkEntry(NamedTuple):
    """A symbolic link and the bytes it points to."""

    target: bytes
    mtime_ns: int


class ListEntry(NamedTuple):
    """A native list of records: its root, records and bytes."""

    id: ObjectId
    length: int
    size: int


class MapEntry(NamedTuple):
    """A native map of keyed records: its root and number of keys."""

    id: ObjectId
    length: int


Entry = FileEntry | DirEntry | SymlinkEntry | ListEntry | MapEntry

_KINDS: dict[type, EntryKind] = {
    FileEntry: EntryKind.FILE,
    DirEntry: EntryKind.DIR,
    SymlinkEntry: EntryKind.SYMLINK,
    ListEntry: EntryKind.LIST,
    MapEntry: EntryKind.MAP,
}
_TYPES = {int(kind): made for made, kind in _KINDS.items()}


def encode_entry(entry: Entry) -> bytes:
    """A tree map's value."""
    return encode_structure([int(_KINDS[type(entry)]), *entry])


def decode_entry(data: bytes) -> Entry:
    """Raises `Corrupt`."""
    value = decode_structure(data)
    try:
        kind, *fields = value
        entry: Entry = _TYPES[kind](*fields)
    except (KeyError, TypeError, ValueError) as error:
        raise Corrupt("a tree's entry is malformed") from error
    if not _is_sound(entry):
        raise Corrupt("a tree's entry is malformed")
    return entry


def _is_sound(entry: Entry) -> bool:
    if isinstance(entry, FileEntry):
        is_sound = _is_id(entry.id) or (entry.id is None and entry.size == 0 and not entry.is_list)
        return is_sound and type(entry.is_list) is bool and _is_metadata(entry) and _is_size(entry.size)
    if isinstance(entry, DirEntry):
        return _is_metadata(entry)
    if isinstance(entry, SymlinkEntry):
        return type(entry.target) is bytes and is_time(entry.mtime_ns)
    if isinstance(entry, ListEntry):
        return _is_id(entry.id) and _is_size(entry.length) and _is_size(entry.size)
    return _is_id(entry.id) and _is_size(entry.length)


def _is_id(value: object) -> bool:
    return type(value) is bytes and len(value) == ID_SIZE


def _is_metadata(entry: FileEntry | DirEntry) -> bool:
    return type(entry.mode) is int and 0 <= entry.mode <= 0o7777 and is_time(entry.mtime_ns)


def _is_size(value: object) -> bool:
    return type(value) is int and 0 <= value < 1 << 63


def is_time(value: object) -> bool:
    """Whether it is a time an entry may have, in nanoseconds."""
    # Some file systems keep seconds in 64 bits: more than nanoseconds can be counted in.
    return type(value) is int and abs(value) <= 10**9 << 63


def encode_key(path: str) -> bytes:
    """A path as a tree's key; names that are not UTF-8 come back as they were."""
    return path.encode("utf-8", "surrogateescape")


def decode_key(key: bytes) -> str:
    """The path a tree's key stands for."""
    return key.decode("utf-8", "surrogateescape")
