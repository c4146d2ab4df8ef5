"""The ids of content that is stored at once, from scratch, into an empty dict."""

from __future__ import annotations

from ctxstore.ids import IdKeys, Kind, ObjectId
from ctxstore.objects.chunker import Chunker, ChunkerSettings
from ctxstore.objects.encoding import encode_record
from ctxstore.trees.entries import (
    MEMORIES,
    MESSAGES,
    DirEntry,
    FileEntry,
    ListEntry,
    MapEntry,
    encode_entry,
    encode_key,
)
from ctxstore.trees.files import write_content
from ctxstore.trees.lists import RECORDS, leaf, new_list
from ctxstore.trees.maps import Maps
from tests.faults.machine.model import Content, Kept

CHUNKER = ChunkerSettings(average=256, minimum=64, maximum=1024)
KEYS = IdKeys()


class Objects:
    """The objects by their ids."""

    keys = KEYS

    def __init__(self) -> None:
        self.data: dict[bytes, bytes] = {}

    def put(self, kind: Kind, data: bytes) -> ObjectId:
        id = KEYS.id_of(kind, data)
        self.data[id] = data
        return id

    def get(self, id: ObjectId, kind: Kind) -> bytes:
        return self.data[id]

    def has(self, id: bytes) -> bool:
        return id in self.data

    def add(self, kind: int, id: bytes, data: bytes | memoryview) -> None:
        self.data[id] = bytes(data)


def tree_of(content: Content) -> ObjectId:
    """Computes the id of the tree with exactly this content."""
    objects, maps = Objects(), Maps(KEYS)
    tree = {encode_key(path): encode_entry(_entry(objects, kept)) for path, kept in content.files.items()}
    if content.messages is not None:
        builder, size = new_list(RECORDS, objects), 0
        for value in content.messages:
            data = encode_record(value)
            builder.push(leaf(objects.put(Kind.RECORD, data), len(data)))
            size += len(data)
        tree[MESSAGES] = encode_entry(ListEntry(builder.finish(), len(content.messages), size))
    if content.memories is not None:
        values = {key.encode(): encode_record(value) for key, value in content.memories.items()}
        tree[MEMORIES] = encode_entry(MapEntry(maps.create(objects, values), len(values)))
    return maps.create(objects, tree)


def size_of(content: Content) -> int:
    """Counts the bytes of files and messages, as a commit's summary counts them."""
    files = sum(len(kept.data or b"") for kept in content.files.values())
    return files + sum(len(encode_record(value)) for value in content.messages or ())


def _entry(objects: Objects, kept: Kept) -> FileEntry | DirEntry:
    if kept.data is None:
        return DirEntry(kept.mode, kept.mtime_ns)
    found = write_content(objects, Chunker(CHUNKER), [kept.data])  # type: ignore[arg-type]
    return FileEntry(kept.mode, kept.mtime_ns, found.size, found.is_list, found.id)
