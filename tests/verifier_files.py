"""The files of a repository, read by docs/format alone: config, root, manifests, packs, and the objects in them."""

from __future__ import annotations

import json
import re
import struct
from typing import Any

import cbor2
import zstandard
from blake3 import blake3

PUBLIC_KEY = blake3(b"ctxstore public object id key, version 1").digest()
NAMES = ("chunk", "node", "list", "map", "record", "commit", "op")
ID_KEYS = [b""] + [blake3(PUBLIC_KEY, derive_key_context=f"ctxstore 1 object id {n}").digest() for n in NAMES]
FILE_NAME = re.compile(r"[0-9a-f]{8}-[0-9a-f]{32}")

Objects = dict[bytes, tuple[int, bytes]]
"""The kind and bytes of every object by its id."""


class VerifyError(Exception):
    """A difference between the repository and the format."""


def need(condition: object, message: str) -> None:
    """Raises `VerifyError` unless the condition of the format holds."""
    if not condition:
        raise VerifyError(message)


def structure(data: bytes) -> Any:
    """Decodes a CBOR value whose bytes must be canonical."""
    value = cbor2.loads(data)
    need(cbor2.dumps(value) == data, "its CBOR is not the canonical one")
    if type(value) is dict:
        need(list(value) == sorted(value), "its keys are out of order")
    return value


def need_ids(*ids: Any) -> None:
    """Checks that values are ids."""
    need(all(type(id) is bytes and len(id) == 32 for id in ids), "an id is none")


def check_config(data: bytes) -> None:
    """Checks that the config is one of format 1."""
    need(len(data) <= 64 << 10, "too large")
    config = json.loads(data)
    need(config["ctxstore"] == "repository" and config["format"] == 1, "not of this format")
    need(re.fullmatch("[0-9a-f]{32}", config["id"]) and type(config["created"]) is int, "malformed")
    cut = config["chunker"]
    need(sorted(cut) == ["algorithm", "average", "maximum", "minimum", "seed"], "unknown settings")
    need(cut["algorithm"] == "fastcdc-2020", "cut in an unknown way")
    need(64 <= cut["minimum"] <= cut["average"] <= cut["maximum"] <= 1 << 20 and cut["average"] >= 256, "sizes")


def _framed(data: bytes) -> Any:
    need(len(data) <= 16 << 20 and data[:8] == b"ctxroot\x01", "no magic, or too large")
    length = int.from_bytes(data[8:12], "little")
    need(len(data) == 12 + length + 32, "cut short or too long")
    need(blake3(data[12:-32]).digest() == data[-32:], "its checksum is wrong")
    return structure(data[12:-32])


def read_root(data: bytes) -> dict[int, Any]:
    """Reads the root's fields."""
    root: dict[int, Any] = _framed(data)
    need(sorted(root) == list(range(9)) and root[0] == 1, "unknown version or fields")
    need(all(type(root[i]) is int and root[i] >= 0 for i in (1, 2, 3)), "a number is none")
    need(root[5] is None or FILE_NAME.fullmatch(root[5]), "the manifest's name is none")
    _packs(root[4])
    need_ids(root[6])
    need_ids(*(root[i] for i in (7, 8) if root[i] is not None))
    return root


def read_manifest(data: bytes) -> list[Any]:
    """Lists the packs of a manifest."""
    version, packs = _framed(data)
    need(version == 1, "unknown version")
    _packs(packs)
    return list(packs)


def _packs(packs: list[Any]) -> None:
    for name, *numbers in packs:
        need(FILE_NAME.fullmatch(name), f"{name!r} is no pack's name")
        need(len(numbers) == 4 and all(type(n) is int and n >= 0 for n in numbers), f"pack {name}: impossible sizes")


def read_pack(data: bytes, size: int, end: int, count: int, raw: int) -> Objects:
    """Reads the objects of a pack. The numbers are those in the root."""
    magic = b"ctxpack\x01"
    length, check, last = struct.unpack("<I32s8s", data[-44:])
    need(len(data) == size and length + 44 == end <= size - 8, "its sizes are not those the root says")
    need(data[:8] == last == magic, "no magic")
    body = data[-end:-44]
    need(blake3(body).digest() == check, "its footer's checksum is wrong")
    footer = structure(body)
    need(sorted(footer) == [0, 1, 2, 3, 4] and footer[0] == 1, "its footer's version")
    kinds, lengths = footer[3], footer[4]
    need(len(footer[2]) == 32 * len(kinds) and len(lengths) == len(kinds) == count, "its number of objects")
    need(sum(lengths) == raw, "its raw size is not what the root says")
    objects: Objects = {}
    at, position = 0, 8
    for offset, stored, frame_raw, is_data, number in footer[1]:
        need(offset == position, "a gap between frames")
        found = _read_frame(data[offset : offset + stored], stored, frame_raw, is_data)
        need(len(found) == number and bytes(kind for kind, _ in found) == kinds[at : at + number], "a frame's kinds")
        need([len(part) for _, part in found] == lengths[at : at + number], "a frame's lengths")
        for kind, part in found:
            id = blake3(part, key=ID_KEYS[kind]).digest()
            need(id == footer[2][at * 32 : at * 32 + 32], f"{NAMES[kind - 1]} {id.hex()} is listed as something else")
            objects[id] = (kind, part)
            at += 1
        position += stored
    need(at == count and position == size - end, "what lies between the last frame and the footer")
    return objects


def _read_frame(frame: bytes, stored: int, raw: int, is_data: bool) -> list[tuple[int, bytes]]:
    fields = struct.unpack_from("<4sBBBBIII12s", frame)
    magic, codec, generation, group, reserved, raw_length, stored_length, descriptor, check = fields
    payload = frame[32:]
    need(magic == b"ctxF" and codec in (0, 1) and generation == reserved == 0, "a frame's header")
    need(len(frame) == stored == stored_length + 32 and raw_length == raw and group == is_data, "a frame's sizes")
    need(blake3(frame[:20] + payload).digest(length=12) == check, "a frame's checksum is wrong")
    if codec == 1:
        need(zstandard.frame_content_size(payload) == raw <= 80 << 20, "a frame's content size")
        decompressor = zstandard.ZstdDecompressor(max_window_size=80 << 20)
        payload = decompressor.decompress(payload, max_output_size=raw, allow_extra_data=False)
    need(len(payload) == raw and descriptor <= raw, "a frame's raw size")
    kinds, lengths = structure(payload[raw - descriptor :])
    need(len(kinds) == len(lengths) and sum(lengths) + descriptor == raw, "a frame's descriptor")
    found, start = [], 0
    for kind, length in zip(kinds, lengths, strict=True):
        found.append((kind, payload[start : start + length]))
        start += length
    return found
