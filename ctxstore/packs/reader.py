"""The reading of frames and footers, with a cache of recently read frames."""

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
"""The size of the frame cache, in raw bytes."""


class FrameReader:
    """Reads frames of packs by offset, through a least-recently-used cache. Threads may share a reader."""

    def __init__(self, storage: Storage, capacity: int = FRAME_CACHE) -> None:
        self._storage = storage
        self._capacity = capacity
        self.reset_after_fork()

    def reset_after_fork(self) -> None:
        """Starts anew with an empty cache. In a forked child, another thread may have left the lock locked."""
        self._frames: OrderedDict[tuple[str, int], bytes] = OrderedDict()
        self._cached_bytes = 0
        self._lock = threading.Lock()

    def raw(self, pack: str, offset: int, stored: int) -> bytes:
        """Returns the raw bytes of the frame at `offset` of a pack. `stored` is its length in the file, with header.

        Raises `Corrupt`, `NotFound`.
        """
        key = (pack, offset)
        with self._lock:
            cached = self._frames.get(key)
            if cached is not None:
                self._frames.move_to_end(key)
                return cached
        _, raw = unpack_frame(self._storage.get(f"packs/{pack}", offset, stored))
        self._keep(key, raw)
        return raw

    def _keep(self, key: tuple[str, int], raw: bytes) -> None:
        with self._lock:
            if key in self._frames:
                return
            self._frames[key] = raw
            self._cached_bytes += len(raw)
            while self._cached_bytes > self._capacity and len(self._frames) > 1:
                _, dropped = self._frames.popitem(last=False)
                self._cached_bytes -= len(dropped)


def read_footer(storage: Storage, pack: PackInfo) -> Footer:
    """Reads a live pack's footer with one ranged read. Raises `Corrupt`, `NotFound`."""
    if not TRAILER < pack.footer <= min(MAX_FOOTER + TRAILER, pack.size):
        raise Corrupt(f"pack {pack.name}: the root lists it with impossible sizes")
    try:
        return decode_footer(storage.get(pack.key, pack.size - pack.footer, pack.footer))
    except Corrupt as error:
        raise Corrupt(f"pack {pack.name}: {error.message}") from error


def find_footer(storage: Storage, key: str) -> tuple[Footer, int]:
    """Reads the footer of a pack that is known only by its key. Returns the footer and its bytes with trailer.

    Raises `Corrupt`, `NotFound`.
    """
    size = storage.size(key)
    length, _ = decode_trailer(storage.get(key, max(0, size - TRAILER), TRAILER))
    end = length + TRAILER
    if end > size:
        raise Corrupt(f"{key}: its footer is longer than the pack")
    return decode_footer(storage.get(key, size - end, end)), end


def iter_frames(storage: Storage, pack: PackInfo) -> Iterator[tuple[int, FrameHeader, bytes]]:
    """Yields (offset, header, raw bytes) of a pack's frames in file order, without reading its footer.

    Used to salvage damaged packs. Raises `Corrupt` at the first damaged frame.
    """
    position = len(PACK_MAGIC)
    while position + FRAME_HEADER <= pack.size - pack.footer:
        header = decode_frame_header(storage.get(pack.key, position, FRAME_HEADER))
        yield position, *unpack_frame(storage.get(pack.key, position, FRAME_HEADER + header.stored))
        position += FRAME_HEADER + header.stored


def frame_objects(storage: Storage, pack: PackInfo, frame: FrameEntry) -> Iterator[tuple[int, memoryview]]:
    """Reads one frame and yields (kind, bytes) of its objects, as the frame's own descriptor lists them."""
    header, raw = unpack_frame(storage.get(pack.key, frame.offset, frame.stored))
    return split_frame(header, raw)
