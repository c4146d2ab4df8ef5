"""Tree entries: the files, folders, links, lists and maps in a tree. docs/format/trees.md is normative.

A tree is one map from full paths (parts joined by ``/``) to entries. A key that starts with ``/`` cannot be the path of
a file. Such keys name native lists and maps, for example ``/messages``.
"""

import enum
from typing import NamedTuple

from ctxstore.errors import Corrupt
from ctxstore.ids import ID_SIZE, ObjectId
from ctxstore.objects.encoding import decode_structure, encode_structure

MESSAGES = b"/messages"
MEMORIES = b"/memories"


class EntryKind(enum.IntEnum):
    """The kinds of entries. The numbers are part of the format."""

    FILE = 1
    DIR = 2
    SYMLINK = 3
    LIST = 4
    MAP = 5


class FileEntry(NamedTuple):
    """A file's metadata and content. `size` is in bytes.

    `id` is the id of the list of chunks, of the only chunk, or None for an empty file.
    """

    mode: int
    mtime_ns: int
    size: int
    is_list: bool
    id: ObjectId | None


class DirEntry(NamedTuple):
    """A folder's permissions and time. The files in it have entries of their own."""

    mode: int
    mtime_ns: int


class SymlinkEntry(NamedTuple):
    """A symbolic link. `target` is the path it points to, as bytes of the file system."""

    target: bytes
    mtime_ns: int


class ListEntry(NamedTuple):
    """A native list of records: the id of its root, the number of records and their total size in bytes."""

    id: ObjectId
    length: int
    size: int


class MapEntry(NamedTuple):
    """A native map of records: the id of its root and the number of its keys."""

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
_TYPES = {int(kind): entry_type for entry_type, kind in _KINDS.items()}


def encode_entry(entry: Entry) -> bytes:
    """Encodes an entry as a value of a tree's map."""
    return encode_structure([int(_KINDS[type(entry)]), *entry])


def decode_entry(data: bytes) -> Entry:
    """Decodes a value of a tree's map. Raises `Corrupt`."""
    value = decode_structure(data)
    try:
        kind, *fields = value
        entry: Entry = _TYPES[kind](*fields)
    except (KeyError, TypeError, ValueError) as error:
        raise Corrupt("a tree entry is malformed") from error
    if not _is_valid(entry):
        raise Corrupt("a tree entry is malformed")
    return entry


def _is_valid(entry: Entry) -> bool:
    if isinstance(entry, FileEntry):
        has_content = _is_id(entry.id) or (entry.id is None and entry.size == 0 and not entry.is_list)
        return has_content and type(entry.is_list) is bool and _is_metadata(entry) and _is_size(entry.size)
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
    """Whether a value is a possible time of an entry, in nanoseconds since 1970."""
    # Some file systems count seconds in 64 bits. As nanoseconds such times need more than 64 bits.
    return type(value) is int and abs(value) <= 10**9 << 63


def encode_key(path: str) -> bytes:
    """Encodes a path as a tree's key. `decode_key` reverses it exactly, even for names that are not UTF-8."""
    return path.encode("utf-8", "surrogateescape")


def decode_key(key: bytes) -> str:
    """Decodes a tree's key to a path."""
    return key.decode("utf-8", "surrogateescape")
