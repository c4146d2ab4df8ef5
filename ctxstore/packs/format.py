"""A pack's bytes, both ways: pure functions. docs/format/packs.md is the normative page.

    pack    = magic frame* footer trailer
    frame   = header (32 bytes) payload
    payload = codec(objects ‖ descriptor)
    trailer = footer length (u32) ‖ BLAKE3 of the footer ‖ magic

Every length read from a pack has a cap, so that no crafted or damaged file can ask for much memory.
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
"""Key generation of a frame that is not encrypted. Others are reserved for encrypted repositories."""

# magic, codec, key generation, class, reserved, raw length, stored length, descriptor length, check
_FRAME = struct.Struct("<4sBBBBIII12s")
FRAME_HEADER = _FRAME.size
CHECK_SIZE = 12
_CHECKED = FRAME_HEADER - CHECK_SIZE
_TRAILER = struct.Struct("<I32s8s")
_KINDS = bytes(Kind)
TRAILER = _TRAILER.size


class FrameHeader(NamedTuple):
    """What a frame says of itself. Lengths in bytes; `raw` includes the descriptor."""

    codec: int
    generation: int
    is_data: bool
    raw: int
    stored: int
    descriptor: int
    check: bytes


class FrameEntry(NamedTuple):
    """A frame as the footer lists it: where its header starts, and its lengths and object count."""

    offset: int
    stored: int
    raw: int
    is_data: bool
    objects: int


class Footer(NamedTuple):
    """All objects of a pack, in frame order: `ids` joined, one byte of `kinds` and one length each."""

    frames: Sequence[FrameEntry]
    ids: bytes
    kinds: bytes
    lengths: Sequence[int]


def encode_frame_header(header: FrameHeader) -> bytes:
    """The 32 bytes before a frame's payload."""
    return _FRAME.pack(FRAME_MAGIC, header.codec, header.generation, header.is_data, 0, *header[3:])


def decode_frame_header(data: bytes) -> FrameHeader:
    """Raises `Corrupt`."""
    if len(data) < FRAME_HEADER:
        raise Corrupt("a frame's header is cut off")
    magic, codec, generation, is_data, _, raw, stored, descriptor, check = _FRAME.unpack_from(data)
    if magic != FRAME_MAGIC:
        raise Corrupt("no frame starts where one should")
    if raw > MAX_FRAME_RAW or stored > MAX_FRAME_STORED or descriptor > raw or is_data > 1:
        raise Corrupt("a frame claims impossible lengths")
    return FrameHeader(codec, generation, bool(is_data), raw, stored, descriptor, check)


def frame_check(header: FrameHeader, payload: bytes) -> bytes:
    """What a header keeps of itself and its payload, so that damage is known without decompressing."""
    return blake3(encode_frame_header(header)[:_CHECKED] + payload).digest(length=CHECK_SIZE)


def encode_descriptor(kinds: bytes, lengths: Sequence[int]) -> bytes:
    """The kinds and lengths of a frame's objects, which make it readable without a footer."""
    return cbor2.dumps([kinds, list(lengths)])


def decode_descriptor(data: bytes, raw: int) -> tuple[bytes, list[int]]:
    """Raises `Corrupt` unless the lengths fill the frame exactly."""
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
    """The footer and its trailer: the end of a pack."""
    frames = [list(frame) for frame in footer.frames]
    body = cbor2.dumps({0: FOOTER_VERSION, 1: frames, 2: footer.ids, 3: footer.kinds, 4: list(footer.lengths)})
    return body + _TRAILER.pack(len(body), blake3(body).digest(), PACK_MAGIC)


def decode_trailer(data: bytes) -> tuple[int, bytes]:
    """(footer length, footer check) from a pack's last bytes. Raises `Corrupt`."""
    if len(data) != TRAILER:
        raise Corrupt("a pack is cut off")
    length, check, magic = _TRAILER.unpack(data)
    if magic != PACK_MAGIC or length > MAX_FOOTER:
        raise Corrupt("a pack's end is damaged")
    return length, check


def decode_footer(data: bytes) -> Footer:
    """From the bytes `encode_footer` made. Raises `Corrupt`."""
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
    """Whether objects of this kind go to data frames."""
    return kind in (Kind.CHUNK, Kind.RECORD)
