"""Reads frames and footers, keeping the frames read last."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator

from ctxstore.errors import Corrupt
from ctxstore.packs.format import (
    FRAME_HEADER,
    MAX_FOOTER,
    PACK_MAGIC,
    TRAILER,
    Footer,
    FrameEntry,
    FrameHeader,
    decode_footer,
    decode_frame_header,
    decode_trailer,
)
from ctxstore.packs.frames import split_frame, unpack_frame
from ctxstore.packs.names import PackInfo
from ctxstore.storage.protocol import Storage

FRAME_CACHE = 32 << 20
"""Raw bytes of frames kept in memory."""


class FrameReader:
    """Frames of packs by position, through a least-recently-used cache. Safe from several threads."""

    def __init__(self, storage: Storage, capacity: int = FRAME_CACHE) -> None:
        self._storage = storage
        self._capacity = capacity
        self._frames: OrderedDict[tuple[str, int], bytes] = OrderedDict()
        self._held = 0
        self._lock = threading.Lock()

    def raw(self, pack: str, offset: int, stored: int) -> bytes:
        """The raw bytes of the frame at `offset` of a pack. Raises `Corrupt`, `NotFound`."""
        key = (pack, offset)
        with self._lock:
            found = self._frames.get(key)
            if found is not None:
                self._frames.move_to_end(key)
                return found
        _, raw = unpack_frame(self._storage.get(f"packs/{pack}", offset, stored))
        self._keep(key, raw)
        return raw

    def _keep(self, key: tuple[str, int], raw: bytes) -> None:
        with self._lock:
            if key in self._frames:
                return
            self._frames[key] = raw
            self._held += len(raw)
            while self._held > self._capacity and len(self._frames) > 1:
                _, dropped = self._frames.popitem(last=False)
                self._held -= len(dropped)


def read_footer(storage: Storage, pack: PackInfo) -> Footer:
    """A live pack's footer: one ranged read. Raises `Corrupt`, `NotFound`."""
    if not TRAILER < pack.footer <= min(MAX_FOOTER + TRAILER, pack.size):
        raise Corrupt(f"pack {pack.name}: the root lists impossible sizes")
    try:
        return decode_footer(storage.get(pack.key, pack.size - pack.footer, pack.footer))
    except Corrupt as error:
        raise Corrupt(f"pack {pack.name}: {error.message}") from error


def find_footer(storage: Storage, key: str) -> tuple[Footer, int]:
    """The footer of a pack known by its key only, and its size with trailer."""
    size = storage.size(key)
    length, _ = decode_trailer(storage.get(key, max(0, size - TRAILER), TRAILER))
    end = length + TRAILER
    if end > size:
        raise Corrupt(f"{key}: its footer is longer than the pack")
    return decode_footer(storage.get(key, size - end, end)), end


def iter_frames(storage: Storage, pack: PackInfo) -> Iterator[tuple[int, FrameHeader, bytes]]:
    """(offset, header, raw bytes) of a pack's frames in order, without its footer: for salvage."""
    position = len(PACK_MAGIC)
    while position + FRAME_HEADER <= pack.size - pack.footer:
        header = decode_frame_header(storage.get(pack.key, position, FRAME_HEADER))
        yield position, *unpack_frame(storage.get(pack.key, position, FRAME_HEADER + header.stored))
        position += FRAME_HEADER + header.stored


def frame_objects(storage: Storage, pack: PackInfo, frame: FrameEntry) -> Iterator[tuple[int, memoryview]]:
    """(kind, bytes) of the objects of one frame, by the frame's own descriptor."""
    header, raw = unpack_frame(storage.get(pack.key, frame.offset, frame.stored))
    return split_frame(header, raw)
