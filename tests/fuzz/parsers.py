"""Every parser of bytes from outside: its valid inputs, its call, and a function that repairs its checksum."""

from __future__ import annotations

import json
import struct
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from blake3 import blake3

from ctxstore.errors import NotFound
from ctxstore.history.commits import decode_commit, encode_commit
from ctxstore.history.config import decode_config, encode_config
from ctxstore.history.forgotten import decode_forgotten, encode_forgotten
from ctxstore.history.oplog import decode_op, encode_op
from ctxstore.history.root import MAGIC, RepositoryState, RootFile, decode_root, encode_root
from ctxstore.ids import IdKeys, Kind
from ctxstore.objects.encoding import decode_record, encode_record, encode_structure
from ctxstore.ops.snapshot.stat_cache import load_cache
from ctxstore.packs.format import (
    FRAME_HEADER,
    PACK_MAGIC,
    TRAILER,
    FrameHeader,
    decode_descriptor,
    decode_footer,
    decode_frame_header,
    decode_trailer,
    encode_footer,
    encode_frame_header,
    frame_check,
)
from ctxstore.packs.frames import split_frame, unpack_frame
from ctxstore.storage.memory import MemoryStorage
from ctxstore.trees.entries import decode_entry, encode_entry
from ctxstore.trees.lists import CHUNKS, RECORDS, load_list
from ctxstore.trees.maps import Maps
from ctxstore.trees.sequence import Sequence

VECTORS = Path(__file__).parent.parent / "golden" / "vectors"
KEYS = IdKeys()
NAME = "00000003-000102030405060708090a0b0c0d0e0f"


def vector(name: str) -> bytes:
    """Reads a golden vector."""
    return bytes.fromhex((VECTORS / f"{name}.hex").read_text())


class Parser(NamedTuple):
    """A parser. `parse` raises a `CtxstoreError` for invalid bytes, and `seal` frames a CBOR body with valid checksums.

    Parsing the output of `encode` for a parsed value must give that value again.
    """

    name: str
    examples: list[bytes]
    parse: Callable[[bytes], Any]
    body: Callable[[bytes], bytes] | None = None
    seal: Callable[[bytes], bytes] = bytes
    encode: Callable[[Any], bytes] | None = None


def sealed_root(body: bytes) -> bytes:
    """Builds a root or manifest with this body."""
    return struct.pack("<8sI", MAGIC, len(body)) + body + blake3(body).digest()


def sealed_footer(body: bytes) -> bytes:
    """Builds a footer with this body, and its trailer."""
    return body + struct.pack("<I32s8s", len(body), blake3(body).digest(), PACK_MAGIC)


def sealed_frame(descriptor: bytes) -> bytes:
    """Builds a frame of three objects with this descriptor."""
    raw = b"x" * 60 + descriptor
    header = FrameHeader(0, 0, True, len(raw), len(raw), len(descriptor), b"")
    return encode_frame_header(header._replace(check=frame_check(header, raw))) + raw


def framed_body(data: bytes) -> bytes:
    """Extracts the body of a root or manifest."""
    return data[12:-32]


def footer_body(data: bytes) -> bytes:
    """Extracts a footer without its trailer."""
    return data[:-TRAILER]


def frame_descriptor(data: bytes) -> bytes:
    """Extracts the descriptor of an uncompressed frame."""
    return data[len(data) - decode_frame_header(data).descriptor :]


def cache_body(data: bytes) -> bytes:
    """Extracts a stat cache without its checksum."""
    return data[32:]


def sealed_cache(body: bytes) -> bytes:
    """Builds a stat cache with this body."""
    return blake3(body).digest() + body


class _Objects(dict[bytes, bytes]):
    def get(self, id: bytes, kind: Kind) -> bytes:  # type: ignore[override]
        try:
            return self[id]
        except KeyError:
            raise NotFound("not there") from None


def _read_list(data: bytes) -> Any:
    objects = _Objects({b"r" * 32: data})
    found = load_list(CHUNKS, objects, b"r" * 32)  # type: ignore[arg-type]
    return [
        found.count,
        [list(found.children(item, level)) for item, level in found.tops() if level],
        list(found.leaves()),
    ]


def _read_map(data: bytes) -> Any:
    view = Maps(KEYS).load(_Objects({b"r" * 32: data}), b"r" * 32)  # type: ignore[arg-type]
    return [len(view), view.find(b"key 0001"), list(view.items(b"key"))]


def _read_node(shape: Any, level: int) -> Callable[[bytes], Any]:
    def read(data: bytes) -> Any:
        item = (300, b"n" * 32, 30) if shape in (CHUNKS, RECORDS) else (b"key 0100", b"n" * 32, 30)
        found = Sequence(shape, _Objects({b"n" * 32: data}), b"r" * 32, [[], [], []])  # type: ignore[arg-type]
        return found.children(item, level + 1)

    return read


def _read_frame(data: bytes) -> Any:
    return [(kind, bytes(part)) for kind, part in split_frame(*unpack_frame(data))]


def _read_manifest(data: bytes) -> Any:
    storage = MemoryStorage()
    storage.put(f"manifests/{NAME}", data)
    return RootFile(storage).packs(RepositoryState(0, 0, 0, (), NAME, b"r" * 32, None, None))  # type: ignore[arg-type]


def _read_cache(data: bytes) -> Any:
    with tempfile.NamedTemporaryFile(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as file:
        file.write(data)
        file.flush()
        found = load_cache(file.name)
    return [(seen.summary, seen.rows) for seen in found.contexts.values()]


def _read_descriptor(data: bytes) -> Any:
    return decode_descriptor(data, 60 + len(data))


MAPS = Maps(KEYS).shape
ROW = [b"a/b", 10, 1_700_000_000 * 10**9, 2, 3, 0o100644, b"entry"]
CACHE = encode_structure(
    [
        1,
        5,
        b"r" * 32,
        [
            [b"files/a", b"c" * 32, [None, b"A", None, None, 3, 1, 0, 9], [ROW, ROW]],
            [b"b", b"c" * 32, [None] * 4 + [None, 0, 0, 0], None],
        ],
    ]
)
ENTRIES = ("file-empty", "file-chunk", "file-list", "dir", "symlink", "list", "map")


def whole(data: bytes) -> bytes:
    """Returns the CBOR unchanged: it has no frame."""
    return data


PARSERS = [
    Parser("root", [vector("root")], decode_root, framed_body, sealed_root, encode_root),
    Parser("manifest", [vector("manifest")], _read_manifest, framed_body, sealed_root),
    Parser("footer", [vector("footer")], decode_footer, footer_body, sealed_footer, encode_footer),
    Parser("trailer", [vector("footer")[-TRAILER:]], decode_trailer),
    Parser("frame header", [vector("frame-stored")[:FRAME_HEADER]], decode_frame_header),
    Parser("frame", [vector("frame-stored")], _read_frame, frame_descriptor, sealed_frame),
    Parser("compressed frame", [vector("frame-zstd")], _read_frame),
    Parser("descriptor", [frame_descriptor(vector("frame-stored"))], _read_descriptor, whole),
    Parser("list root", [vector("list-chunks-root"), vector("list-empty")], _read_list, whole),
    Parser("map root", [vector("map-root"), vector("map-empty")], _read_map, whole),
    Parser("list node", [vector("list-chunks-node")], _read_node(CHUNKS, 0), whole),
    Parser("list node above", [vector("list-chunks-node-level-1")], _read_node(CHUNKS, 1), whole),
    Parser("map node", [vector("map-node")], _read_node(MAPS, 0), whole),
    Parser("map node above", [vector("map-node-level-1")], _read_node(MAPS, 1), whole),
    Parser("tree entry", [vector(f"entry-{name}") for name in ENTRIES], decode_entry, whole, encode=encode_entry),
    Parser("record", [vector("record")], decode_record, whole, encode=encode_record),
    Parser("commit", [vector("commit"), vector("commit-first")], decode_commit, whole, encode=encode_commit),
    Parser("op", [vector("op")], decode_op, whole, encode=encode_op),
    Parser("forgotten", [encode_structure([17, b"too old"])], decode_forgotten, whole, encode=encode_forgotten),
    Parser("config", [vector("config")], decode_config, encode=encode_config),
    Parser("stat cache", [sealed_cache(CACHE)], _read_cache, cache_body, sealed_cache),
]


def wrong_configs() -> list[bytes]:
    """Lists configs that are JSON with invalid content."""
    value = json.loads(vector("config"))
    odd = (None, True, 0, -1, 1.0, 1e400, 2**64, 10**5000, "", "x", [], {}, [["algorithm", "fastcdc-2020"]])
    found = []
    for key in value:
        found += [{**value, key: other} for other in odd] + [{k: v for k, v in value.items() if k != key}]
    for key in value["chunker"]:
        found += [{**value, "chunker": {**value["chunker"], key: other}} for other in odd]
    texts = [_dump(other) for other in found]
    texts += [
        "[" * 100_000,
        "null",
        "[]",
        '"repository"',
        "{}",
        '{"ctxstore": ' * 20_000,
        "\ufeff{}",
        "NaN",
        "9" * 10_000,
    ]
    return [text.encode() for text in texts]


def _dump(value: Any) -> str:
    import sys

    limit = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    try:
        return json.dumps(value)
    finally:
        sys.set_int_max_str_digits(limit)
