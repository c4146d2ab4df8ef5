"""Frames: many objects compressed together, and taken apart again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from ctxstore.errors import Corrupt
from ctxstore.packs.format import (
    CODEC_STORED,
    CODEC_ZSTD,
    FRAME_HEADER,
    MAX_FRAME_RAW,
    PLAINTEXT,
    FrameHeader,
    decode_descriptor,
    decode_frame_header,
    encode_descriptor,
    encode_frame_header,
    frame_check,
)

if TYPE_CHECKING:
    import zstandard


class Settings(NamedTuple):
    """How frames are made: `size` in raw bytes, zstd's `level`, whether to match over long distances.

    `threads` compress while the caller goes on; each holds a frame and zstd's tables in memory.
    """

    size: int = 4 << 20
    level: int = 3
    long: bool = False
    threads: int = 2


ORDINARY = Settings()
RECOMPRESS = Settings(size=16 << 20, level=9, long=True, threads=0)

_local = threading.local()


def _compressor(settings: Settings) -> zstandard.ZstdCompressor:
    import zstandard  # 5 ms that a run without objects need not pay

    made: dict[Settings, zstandard.ZstdCompressor] = _local.__dict__.setdefault("compressors", {})
    if settings not in made:
        if settings.long:
            parameters = zstandard.ZstdCompressionParameters.from_level(
                settings.level, window_log=24, enable_ldm=True, write_checksum=False
            )
            made[settings] = zstandard.ZstdCompressor(compression_params=parameters)
        else:
            made[settings] = zstandard.ZstdCompressor(level=settings.level)
    return made[settings]


def _decompressor() -> zstandard.ZstdDecompressor:
    import zstandard

    made: zstandard.ZstdDecompressor | None = getattr(_local, "decompressor", None)
    if made is None:
        made = _local.decompressor = zstandard.ZstdDecompressor(max_window_size=MAX_FRAME_RAW)
    return made


class Frame:
    """A frame being filled: its objects' ids, kinds and lengths, and their bytes joined in `buffer`.

    A buffer that was used before is faster to fill than a new one: its memory is there already.
    """

    __slots__ = ("buffer", "ids", "is_data", "kinds", "lengths", "size")

    def __init__(self, is_data: bool, buffer: bytearray | None = None) -> None:
        self.is_data = is_data
        self.buffer = bytearray() if buffer is None else buffer
        self.size = 0
        self.ids: list[bytes] = []
        self.kinds = bytearray()
        self.lengths: list[int] = []

    def add(self, kind: int, id: bytes, data: bytes | memoryview) -> None:
        length = len(data)
        end = self.size + length
        self.buffer[self.size : end] = data  # past the buffer's end this appends
        self.size = end
        self.ids.append(id)
        self.kinds.append(kind)
        self.lengths.append(length)

    def extend(self, other: Frame) -> None:
        """Append another frame's objects."""
        end = self.size + other.size
        self.buffer[self.size : end] = other.buffer[: other.size]
        self.size = end
        self.ids += other.ids
        self.kinds += other.kinds
        self.lengths += other.lengths

    def find(self, id: bytes) -> bytes | None:
        """A copy of an object's bytes: a view would keep a compressor from appending the descriptor."""
        try:
            place = self.ids.index(id)
        except ValueError:
            return None
        start = sum(self.lengths[:place])
        return bytes(self.buffer[start : start + self.lengths[place]])


class Packed(NamedTuple):
    """A finished frame: its header and payload as they go to the pack, and its raw length."""

    data: bytes
    raw: int


def pack_frame(frame: Frame, settings: Settings) -> Packed:
    """Compress a frame. It is decompressed again and compared before it is trusted."""
    descriptor = encode_descriptor(bytes(frame.kinds), frame.lengths)
    size = frame.size + len(descriptor)
    buffer = frame.buffer
    buffer[frame.size : size] = descriptor
    with memoryview(buffer) as whole, whole[:size] as raw:
        payload, codec = _compressor(settings).compress(raw), CODEC_ZSTD
        if len(payload) >= size:
            payload, codec = bytes(raw), CODEC_STORED
    if codec == CODEC_ZSTD and not _gives_back(payload, buffer, size):
        raise Corrupt("zstd does not give back what it was given", hint="this zstandard release is broken; change it")
    header = FrameHeader(codec, PLAINTEXT, frame.is_data, size, len(payload), len(descriptor), b"")
    sealed = header._replace(check=frame_check(header, payload))
    return Packed(encode_frame_header(sealed) + payload, size)


def _gives_back(payload: bytes, buffer: bytearray, size: int) -> bool:
    back = _decompressor().decompress(payload, max_output_size=size)
    return len(back) == size and buffer.startswith(back)  # one comparison of memory, without a copy


def unpack_frame(data: bytes) -> tuple[FrameHeader, bytes]:
    """A frame's header and raw bytes (objects, then descriptor). Raises `Corrupt`."""
    header = decode_frame_header(data)
    payload = data[FRAME_HEADER : FRAME_HEADER + header.stored]
    if len(payload) != header.stored or frame_check(header, payload) != header.check:
        raise Corrupt("a frame's bytes are damaged")
    if header.generation != PLAINTEXT or header.codec not in (CODEC_STORED, CODEC_ZSTD):
        # The repository's format says what may be here, so this is a damaged header, not a newer release's.
        raise Corrupt("a frame is packed in a way this format does not have")
    raw = payload if header.codec == CODEC_STORED else _decompress(payload, header.raw)
    if len(raw) != header.raw:
        raise Corrupt("a frame's length is not what it says")
    return header, raw


def _decompress(payload: bytes, raw: int) -> bytes:
    import zstandard

    try:
        # The frame's own content size must agree, or zstd would allocate what the payload claims.
        if zstandard.frame_content_size(payload) != raw:
            raise Corrupt("a frame's length is not what it says")
        return _decompressor().decompress(payload, max_output_size=raw, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise Corrupt("a frame does not decompress") from error


def split_frame(header: FrameHeader, raw: bytes) -> Iterator[tuple[int, memoryview]]:
    """(kind, bytes) of every object by the frame's own descriptor. Raises `Corrupt`."""
    kinds, lengths = decode_descriptor(raw[len(raw) - header.descriptor :], header.raw)
    view = memoryview(raw)
    position = 0
    for kind, length in zip(kinds, lengths, strict=True):
        yield kind, view[position : position + length]
        position += length
