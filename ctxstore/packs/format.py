"""The encoding and decoding of a pack's bytes, as pure functions. docs/format/packs.md is normative.

    pack    = magic frame* footer trailer
    frame   = header (32 bytes) payload
    payload = codec(objects ‖ descriptor)
    trailer = footer length (u32) ‖ BLAKE3 of the footer ‖ magic

Every length read from a pack has a cap, so that a crafted or damaged file cannot make a reader allocate much memory.
"""

import struct
from collections.abc import Sequence
from typing import NamedTuple

import cbor2
from blake3 import blake3

from ctxstore.errors import Corrupt
from ctxstore.ids import ID_SIZE, Kind
from ctxstore.packs.cbor import decode_one

PACK_MAGIC = b"ctxpack\x01"
FRAME_MAGIC = b"ctxF"
FOOTER_VERSION = 1

MAX_OBJECT = 64 << 20
MAX_FRAME_RAW = MAX_OBJECT + (16 << 20)
MAX_FRAME_STORED = MAX_FRAME_RAW + (1 << 20)
MAX_FOOTER = 256 << 20
MAX_OBJECTS = 1 << 22

CODEC_STORED = 0
CODEC_ZSTD = 1

PLAINTEXT = 0
"""The key generation of a frame that is not encrypted. Other values are reserved for encrypted repositories."""

# magic, codec, key generation, class, reserved, raw length, stored length, descriptor length, check
_FRAME = struct.Struct("<4sBBBBIII12s")
FRAME_HEADER = _FRAME.size
CHECK_SIZE = 12
_CHECKED = FRAME_HEADER - CHECK_SIZE
_TRAILER = struct.Struct("<I32s8s")
_KINDS = bytes(Kind)
TRAILER = _TRAILER.size


class FrameHeader(NamedTuple):
    """A frame's header. `stored` is the payload's length in the file, `raw` its length after decoding.

    All lengths are in bytes. `raw` includes the descriptor.
    """

    codec: int
    generation: int
    is_data: bool
    raw: int
    stored: int
    descriptor: int
    check: bytes


class FrameEntry(NamedTuple):
    """A frame as its pack's footer lists it. `offset` is the position of its header in the file.

    `stored` is the length of header and payload in the file, `raw` that of the decoded payload, both in bytes.
    `objects` is a count.
    """

    offset: int
    stored: int
    raw: int
    is_data: bool
    objects: int


class Footer(NamedTuple):
    """The list of a pack's frames, and of its objects in frame order.

    Per object, `ids` has 32 bytes, `kinds` one byte and `lengths` one number of bytes.
    """

    frames: Sequence[FrameEntry]
    ids: bytes
    kinds: bytes
    lengths: Sequence[int]


def encode_frame_header(header: FrameHeader) -> bytes:
    """Returns the 32 bytes that precede a frame's payload."""
    lengths = header.raw, header.stored, header.descriptor
    return _FRAME.pack(FRAME_MAGIC, header.codec, header.generation, header.is_data, 0, *lengths, header.check)


def decode_frame_header(data: bytes) -> FrameHeader:
    """Decodes the frame header at the start of `data`. Raises `Corrupt`."""
    if len(data) < FRAME_HEADER:
        raise Corrupt("a frame header is truncated")
    magic, codec, generation, is_data, _, raw, stored, descriptor, check = _FRAME.unpack_from(data)
    if magic != FRAME_MAGIC:
        raise Corrupt("there is no frame header where one must start")
    if raw > MAX_FRAME_RAW or stored > MAX_FRAME_STORED or descriptor > raw or is_data > 1:
        raise Corrupt("a frame header has impossible lengths")
    return FrameHeader(codec, generation, bool(is_data), raw, stored, descriptor, check)


def frame_check(header: FrameHeader, payload: bytes) -> bytes:
    """Returns the 12-byte check of a header and its payload. It shows damage before anything is decompressed."""
    return blake3(encode_frame_header(header)[:_CHECKED] + payload).digest(length=CHECK_SIZE)


def encode_descriptor(kinds: bytes, lengths: Sequence[int]) -> bytes:
    """Returns a frame's descriptor: its objects' kinds and lengths. It makes the frame readable without a footer."""
    return cbor2.dumps([kinds, list(lengths)])


def decode_descriptor(data: bytes, raw: int) -> tuple[bytes, list[int]]:
    """Returns the kinds and lengths in a descriptor. Raises `Corrupt` unless they add up to a frame of `raw` bytes."""
    value = _decode(data, "a frame's descriptor")
    if not (isinstance(value, list) and len(value) == 2 and isinstance(value[0], bytes)):
        raise Corrupt("a frame's descriptor is malformed")
    kinds, lengths = value
    if (
        not _are_kinds(kinds)
        or not _are_lengths(lengths)
        or len(lengths) != len(kinds)
        or sum(lengths) + len(data) != raw
    ):
        raise Corrupt("a frame's descriptor does not fit its frame")
    return kinds, lengths


def encode_footer(footer: Footer) -> bytes:
    """Returns the last bytes of a pack: the footer and its trailer."""
    frames = [list(frame) for frame in footer.frames]
    body = cbor2.dumps({0: FOOTER_VERSION, 1: frames, 2: footer.ids, 3: footer.kinds, 4: list(footer.lengths)})
    return body + _TRAILER.pack(len(body), blake3(body).digest(), PACK_MAGIC)


def decode_trailer(data: bytes) -> tuple[int, bytes]:
    """Returns (footer length, footer check) from a pack's last 44 bytes. Raises `Corrupt`."""
    if len(data) != TRAILER:
        raise Corrupt("a pack is truncated")
    length, check, magic = _TRAILER.unpack(data)
    if magic != PACK_MAGIC or length > MAX_FOOTER:
        raise Corrupt("a pack's trailer is damaged")
    return length, check


def decode_footer(data: bytes) -> Footer:
    """Decodes a footer with its trailer, as `encode_footer` returns them. Raises `Corrupt`."""
    length, check = decode_trailer(data[-TRAILER:])
    body = data[-TRAILER - length : -TRAILER]
    if len(body) != length or blake3(body).digest() != check:
        raise Corrupt("a pack's footer is damaged")
    value = _decode(body, "a pack's footer")
    if not isinstance(value, dict) or value.get(0) != FOOTER_VERSION:
        raise Corrupt("a pack's footer has an unknown version")
    return _checked_footer(value)


def _checked_footer(value: dict[int, object]) -> Footer:
    frames, ids, kinds, lengths = (value.get(field) for field in (1, 2, 3, 4))
    if not (isinstance(frames, list) and isinstance(ids, bytes) and isinstance(kinds, bytes)):
        raise Corrupt("a pack's footer is malformed")
    if not _are_lengths(lengths) or len(kinds) != len(lengths) or len(ids) != len(kinds) * ID_SIZE:  # type: ignore[arg-type]
        raise Corrupt("a pack's footer is malformed")
    if not _are_kinds(kinds) or not all(_is_frame(frame) for frame in frames):
        raise Corrupt("a pack's footer is malformed")
    entries = [FrameEntry(offset, stored, raw, bool(data), count) for offset, stored, raw, data, count in frames]
    if sum(entry.objects for entry in entries) != len(kinds):
        raise Corrupt("a pack's footer is malformed")
    return Footer(entries, ids, kinds, lengths)  # type: ignore[arg-type]


def _is_frame(value: object) -> bool:
    if not isinstance(value, list) or len(value) != 5:
        return False
    if not all(isinstance(number, int) and 0 <= number < 1 << 48 for number in value):
        return False
    _, stored, raw, _, _ = value
    return bool(stored <= FRAME_HEADER + MAX_FRAME_STORED and raw <= MAX_FRAME_RAW)


def _are_kinds(value: bytes) -> bool:
    return not value.translate(None, _KINDS)


def _are_lengths(value: object) -> bool:
    if not isinstance(value, list) or len(value) > MAX_OBJECTS:
        return False
    return not value or (set(map(type, value)) == {int} and min(value) >= 0 and max(value) <= MAX_OBJECT)


def _decode(data: bytes, what: str) -> object:
    try:
        return decode_one(data)
    except Exception as error:  # cbor2 raises many types on damaged input
        raise Corrupt(f"{what} is unreadable") from error


def is_data_kind(kind: int) -> bool:
    """Whether objects of this kind are content, which goes to data frames."""
    return kind in (Kind.CHUNK, Kind.RECORD)
