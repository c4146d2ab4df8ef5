"""Golden bytes of every encoding. They define format 1 independently of the code.

``python tests/golden/test_vectors.py`` writes missing vectors and never changes an existing one.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from blake3 import blake3

from ctxstore.history.commits import Author, Commit, Summary, decode_commit, encode_commit
from ctxstore.history.config import Config, decode_config, encode_config
from ctxstore.history.forgotten import Forgotten, decode_forgotten, encode_forgotten
from ctxstore.history.oplog import Op, RefChange, decode_op, encode_op
from ctxstore.history.root import MAGIC, RepositoryState, RootFile, decode_root, encode_root
from ctxstore.ids import PUBLIC_KEY, IdKeys, Kind
from ctxstore.objects.chunker import Chunker, ChunkerSettings
from ctxstore.objects.encoding import decode_record, encode_record, encode_structure
from ctxstore.packs.format import (
    CODEC_STORED,
    FRAME_HEADER,
    PACK_MAGIC,
    Footer,
    FrameEntry,
    FrameHeader,
    decode_footer,
    encode_descriptor,
    encode_footer,
    encode_frame_header,
    frame_check,
)
from ctxstore.packs.frames import split_frame, unpack_frame
from ctxstore.packs.names import PackInfo
from ctxstore.storage.memory import MemoryStorage
from ctxstore.trees.entries import (
    DirEntry,
    FileEntry,
    ListEntry,
    MapEntry,
    SymlinkEntry,
    decode_entry,
    encode_entry,
)
from ctxstore.trees.lists import CHUNKS, RECORDS, leaf, load_list, new_list
from ctxstore.trees.maps import Maps
from ctxstore.trees.sequence import Sequence

VECTORS = Path(__file__).parent / "vectors"
KEYS = IdKeys()


def noise(name, size=32):
    """Generates bytes that any program can generate: the output of BLAKE3 for a name."""
    return blake3(name.encode()).digest(length=size)


A, B, C = noise("a"), noise("b"), noise("c")
PACK = PackInfo("00000003-000102030405060708090a0b0c0d0e0f", 1234, 200, 7, 5000)
ROOT = RepositoryState(5, 3, 1_700_000_000_000_000_000, (PACK, PACK._replace(size=2**40)), None, A, None, B)
CONFIG = Config("000102030405060708090a0b0c0d0e0f", 1_700_000_000_000_000_000, ChunkerSettings())
COMMIT = Commit(
    tree=A,
    parents=(B, C),
    generation=7,
    time=1_721_828_935_242_310_123,
    author=Author("ada", "engine", "ctx 0.1.0"),
    ref="chat/al\udc80ice",
    note="second turn\n\ud83d",
    kind="incremental",
    source="claude-code",
    root="/home/ada/.claude",
    label="default",
    shrunk=True,
    summary=Summary("Title \u2713", "Claude Code", None, "/home/ada/p", 12, 3, 1, 65536),
)
FIRST = Commit(A, (), 0, 0, Author("", "", ""), "a")
OP = Op(
    previous=C,
    time=1_721_828_935_242_310_123,
    author=Author("ada", "engine", "ctx 0.1.0"),
    command="snapshot",
    note="caf\u00e9",
    refs=A,
    changes=(RefChange("chat/alice", None, B), RefChange("chat/bob", C, None)),
    statistics={"bytes_read": 70000, "bytes_new": 23},
)
UNDO = OP._replace(command="undo", changes=(RefChange("tag:v1", B, None),), forgotten=B, undoes=C)
FORGETFUL = ROOT._replace(forgotten=C)
MARK = Forgotten(1_721_828_935_242_310_123, "policy brief: caf\u00e9")
RECORD = {
    "type": "assistant",
    "": None,
    "float": 1721828935.24231,
    "floats": [0.1, -0.0, 1e308, 5e-324, 1.0, math.inf, -math.inf],
    "ints": [0, -1, 23, 24, 2**63, 2**64 - 1, 2**64, -(2**64), -(2**64) - 1, 10**30],
    "texts": ["", "caf\u00e9 \U0001f600", "\ud83d", "a\udc80b"],
    "lone \ud800 key": True,
    "nested": {"b": [[], {}, False], "a": {"x": "y"}},
}
ENTRIES = {
    "file-empty": FileEntry(0o644, 1_700_000_000_123_456_789, 0, False, None),
    "file-chunk": FileEntry(0o600, 0, 70, False, A),
    "file-list": FileEntry(0o755, -1, 2**33, True, B),
    "dir": DirEntry(0o755, 1_700_000_000_000_000_000),
    "symlink": SymlinkEntry(b"../t\xffrget", 5),
    "list": ListEntry(A, 40, 5000),
    "map": MapEntry(B, 3),
}
FRAME_OBJECTS = [(Kind.CHUNK, noise("chunk", 40)), (Kind.RECORD, b""), (Kind.CHUNK, noise("other", 20))]
TEXT_OBJECTS = [(Kind.NODE, b"some text, " * 20), (Kind.COMMIT, b"some more text, " * 10)]


def forgotten_map():
    """Writes the root of a map of two forgotten commits, one with a mark that is an object of its own."""
    objects = Objects()
    marks = {A: encode_forgotten(MARK), B: encode_forgotten(MARK._replace(reason="long " * 30))}
    return objects[Maps(KEYS).create(objects, marks)]


def refs_with_tags():
    """Writes the root of a refs map with a context, a setting and a tag."""
    objects = Objects()
    return objects[Maps(KEYS).create(objects, {b"chat/alice": A, b"setting:policy/brief": B, b"tag:v1": C})]


def frame():
    payload = b"".join(data for _, data in FRAME_OBJECTS)
    descriptor = encode_descriptor(bytes(kind for kind, _ in FRAME_OBJECTS), [len(data) for _, data in FRAME_OBJECTS])
    payload += descriptor
    header = FrameHeader(CODEC_STORED, 0, True, len(payload), len(payload), len(descriptor), b"")
    header = header._replace(check=frame_check(header, payload))
    return encode_frame_header(header) + payload


def footer():
    stored = len(frame())
    return Footer(
        [FrameEntry(len(PACK_MAGIC), stored, stored - FRAME_HEADER, True, len(FRAME_OBJECTS))],
        b"".join(KEYS.id_of(kind, data) for kind, data in FRAME_OBJECTS),
        bytes(kind for kind, _ in FRAME_OBJECTS),
        [len(data) for _, data in FRAME_OBJECTS],
    )


def pack():
    return PACK_MAGIC + frame() + encode_footer(footer())


def manifest():
    body = encode_structure([1, [list(PACK)]])
    return MAGIC + len(body).to_bytes(4, "little") + body + blake3(body).digest()


class Objects(dict):
    """The objects by id. `nodes` lists the nodes in the order in which they were closed."""

    def __init__(self):
        super().__init__()
        self.nodes = []

    def put(self, kind, data):
        id = KEYS.id_of(kind, data)
        if kind == Kind.NODE and id not in self:
            self.nodes.append(id)
        self[id] = data
        return id

    def get(self, id, kind):
        return self[id]


def listed(shape, count):
    objects = Objects()
    builder = new_list(shape, objects)
    for i in range(count):
        builder.push(leaf(noise(f"item {i}"), i * 10))
    return objects, builder.finish()


def mapped(count):
    """Writes a map in which every third value is large and an object of its own."""
    objects = Objects()
    content = {b"key %04d" % i: b"value %d" % i * (1 if i % 3 else 15) for i in range(count)}
    return objects, Maps(KEYS).create(objects, content), content


def node(objects, level):
    """Returns the first node of a level."""
    return next(objects[id] for id in objects.nodes if objects[id][2] == level)


class Vector(NamedTuple):
    """Bytes and their meaning. Bytes without `encoded` are only read, because a compressor may produce others."""

    encoded: bytes | None
    decode: Any = None
    value: Any = None


def vectors():
    chunk_objects, chunk_root = listed(CHUNKS, 1000)
    record_objects, record_root = listed(RECORDS, 1000)
    map_objects, map_root, _ = mapped(4000)
    return {
        "public-key": Vector(PUBLIC_KEY),
        "map-boundary-key": Vector(KEYS.boundary),
        "record": Vector(encode_record(RECORD), decode_record, RECORD),
        "commit": Vector(encode_commit(COMMIT), decode_commit, COMMIT),
        "commit-first": Vector(encode_commit(FIRST), decode_commit, FIRST),
        "op": Vector(encode_op(OP), decode_op, OP),
        "op-undo": Vector(encode_op(UNDO), decode_op, UNDO),
        "forgotten": Vector(encode_forgotten(MARK), decode_forgotten, MARK),
        "forgotten-map": Vector(forgotten_map()),
        "refs-tags": Vector(refs_with_tags()),
        "root": Vector(encode_root(ROOT), decode_root, ROOT),
        "root-forgotten": Vector(encode_root(FORGETFUL), decode_root, FORGETFUL),
        "manifest": Vector(manifest()),
        "config": Vector(encode_config(CONFIG), decode_config, CONFIG),
        "frame-stored": Vector(frame(), take_apart, FRAME_OBJECTS),
        "frame-zstd": Vector(None, take_apart, TEXT_OBJECTS),
        "footer": Vector(encode_footer(footer()), decode_footer, footer()),
        "pack": Vector(pack()),
        "list-empty": Vector(listed(CHUNKS, 0)[0][listed(CHUNKS, 0)[1]]),
        "list-chunks-root": Vector(chunk_objects[chunk_root]),
        "list-chunks-node": Vector(node(chunk_objects, 0)),
        "list-chunks-node-level-1": Vector(node(chunk_objects, 1)),
        "list-records-root": Vector(record_objects[record_root]),
        "list-records-node": Vector(node(record_objects, 0)),
        "map-empty": Vector(mapped(0)[0][mapped(0)[1]]),
        "map-root": Vector(map_objects[map_root]),
        "map-node": Vector(node(map_objects, 0)),
        "map-node-level-1": Vector(node(map_objects, 1)),
        **{f"entry-{name}": Vector(encode_entry(entry), decode_entry, entry) for name, entry in ENTRIES.items()},
    }


def take_apart(data):
    return [(Kind(kind), bytes(part)) for kind, part in split_frame(*unpack_frame(data))]


def read_vector(name):
    return bytes.fromhex((VECTORS / f"{name}.hex").read_text())


NAMES = sorted(path.stem for path in VECTORS.glob("*.hex"))
ALL = vectors()


def test_every_encoding_has_a_vector():
    assert sorted(ALL) == NAMES


@pytest.mark.parametrize("name", sorted(ALL))
def test_bytes_are_those_of_format_1(name):
    vector = ALL[name]
    data = read_vector(name)
    if vector.encoded is not None:
        assert vector.encoded.hex() == data.hex()
    if vector.decode is not None:
        assert vector.decode(data) == vector.value


def test_a_record_s_vector_keeps_types_and_order():
    value = decode_record(read_vector("record"))
    assert json.dumps(value) == json.dumps(RECORD)
    assert math.copysign(1, value["floats"][1]) == -1


def test_a_list_is_read_from_its_vectors():
    for name, shape in (("chunks", CHUNKS), ("records", RECORDS)):
        objects, root = listed(shape, 1000)
        objects[root] = read_vector(f"list-{name}-root")
        assert list(load_list(shape, objects, root).leaves()) == [leaf(noise(f"item {i}"), i * 10) for i in range(1000)]


def test_a_map_is_read_from_its_vectors():
    objects, root, content = mapped(4000)
    objects[root] = read_vector("map-root")
    assert dict(Maps(KEYS).load(objects, root).items()) == content


def test_an_empty_list_and_an_empty_map_are_read():
    objects = Objects()
    objects[A], objects[B] = read_vector("list-empty"), read_vector("map-empty")
    assert Sequence.load(CHUNKS, objects, A).count == 0
    assert len(Maps(KEYS).load(objects, B)) == 0


def test_a_manifest_is_read():
    storage = MemoryStorage()
    storage.put(f"manifests/{PACK.name}", read_vector("manifest"))
    assert RootFile(storage).packs(ROOT._replace(packs=(), manifest=PACK.name)) == (PACK,)


def id_lines():
    for kind in Kind:
        for data in (b"", b"ctxstore", noise("data", 3000)):
            yield f"{kind.name.lower()} {len(data)} {KEYS.id_of(kind, data).hex()}"


def test_ids_are_those_of_format_1():
    """Each line has the kind, length and id of data of 0, 8 (``ctxstore``) and 3000 bytes (BLAKE3 of ``data``)."""
    assert (VECTORS / "ids.txt").read_text().splitlines() == list(id_lines())


SETTINGS = [
    ChunkerSettings(),
    ChunkerSettings(seed=0x1234_5678_9ABC_DEF0 >> 1),
    ChunkerSettings(8 << 10, 2 << 10, 64 << 10, 0),
    ChunkerSettings(300, 65, 1025, 1),
]


def cut_lines():
    data = noise("cuts", 1 << 20)
    for settings in SETTINGS:
        part = data if settings.average > 1000 else data[:20_001]
        ends, end = [], 0
        for chunk in Chunker(settings).cut([part]):
            end += len(chunk)
            ends.append(end)
        yield f"{settings.average} {settings.minimum} {settings.maximum} {settings.seed}: {' '.join(map(str, ends))}"


def test_cuts_are_those_of_format_1():
    """Each line has the average, minimum, maximum and seed, and the ends of the chunks of 1 MiB of noise.

    The last line's noise has 20,001 bytes.
    """
    assert (VECTORS / "cuts.txt").read_text().splitlines() == list(cut_lines())


def write_missing():
    from ctxstore.packs.frames import ORDINARY, Frame, pack_frame

    compressed = Frame(False)
    for kind, data in TEXT_OBJECTS:
        compressed.add(kind, KEYS.id_of(kind, data), data)
    for name, vector in ALL.items():
        data = vector.encoded if vector.encoded is not None else pack_frame(compressed, ORDINARY).data
        text = data.hex()
        write(f"{name}.hex", [text[i : i + 96] for i in range(0, len(text), 96)])
    write("ids.txt", id_lines())
    write("cuts.txt", cut_lines())


def write(name, lines):
    path = VECTORS / name
    if not path.exists():
        path.write_text("".join(f"{line}\n" for line in lines))
        print("wrote", path)


if __name__ == "__main__":
    write_missing()
