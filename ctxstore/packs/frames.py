"""Frames: groups of objects that are compressed together. This module packs, unpacks and splits them."""

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
    """The settings for new frames.

    A frame is full at `size` raw bytes. `level` is zstd's, and `long` makes zstd match over long distances.
    `threads` compressors run while the caller continues. Each of them keeps a frame and zstd's tables in memory.
    """

    size: int = 4 << 20
    level: int = 3
    long: bool = False
    threads: int = 2


ORDINARY = Settings()
RECOMPRESS = Settings(size=16 << 20, level=9, long=True, threads=0)

_local = threading.local()


def _compressor(settings: Settings) -> zstandard.ZstdCompressor:
    import zstandard  # takes 5 ms, which a run without objects saves

    compressors: dict[Settings, zstandard.ZstdCompressor] = _local.__dict__.setdefault("compressors", {})
    if settings not in compressors:
        if settings.long:
            parameters = zstandard.ZstdCompressionParameters.from_level(
                settings.level, window_log=24, enable_ldm=True, write_checksum=False
            )
            compressors[settings] = zstandard.ZstdCompressor(compression_params=parameters)
        else:
            compressors[settings] = zstandard.ZstdCompressor(level=settings.level)
    return compressors[settings]


def _decompressor() -> zstandard.ZstdDecompressor:
    import zstandard

    decompressor: zstandard.ZstdDecompressor | None = getattr(_local, "decompressor", None)
    if decompressor is None:
        decompressor = _local.decompressor = zstandard.ZstdDecompressor(max_window_size=MAX_FRAME_RAW)
    return decompressor


class Frame:
    """A frame under construction: its objects' ids, kinds and lengths, and their bytes joined in `buffer`.

    A reused buffer is faster to fill than a new one, because its memory is already allocated. Only its first `size`
    bytes belong to the frame.
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
        self.buffer[self.size : end] = data  # beyond the buffer's end, this appends
        self.size = end
        self.ids.append(id)
        self.kinds.append(kind)
        self.lengths.append(length)

    def extend(self, other: Frame) -> None:
        """Appends another frame's objects."""
        end = self.size + other.size
        self.buffer[self.size : end] = other.buffer[: other.size]
        self.size = end
        self.ids += other.ids
        self.kinds += other.kinds
        self.lengths += other.lengths

    def find(self, id: bytes) -> bytes | None:
        """Returns a copy of an object's bytes, or None if the frame does not contain the object.

        A view would lock the size of the buffer, to which `pack_frame` appends the descriptor.
        """
        try:
            position = self.ids.index(id)
        except ValueError:
            return None
        start = sum(self.lengths[:position])
        return bytes(self.buffer[start : start + self.lengths[position]])


class Packed(NamedTuple):
    """A finished frame: `data` is its header and payload as written to the pack, `raw` its raw length in bytes."""

    data: bytes
    raw: int


def pack_frame(frame: Frame, settings: Settings) -> Packed:
    """Compresses a frame. Then decompresses the result and raises `Corrupt` if it differs from the original bytes."""
    descriptor = encode_descriptor(bytes(frame.kinds), frame.lengths)
    size = frame.size + len(descriptor)
    buffer = frame.buffer
    buffer[frame.size : size] = descriptor
    with memoryview(buffer) as view, view[:size] as raw:
        payload, codec = _compressor(settings).compress(raw), CODEC_ZSTD
        if len(payload) >= size:
            payload, codec = bytes(raw), CODEC_STORED
    if codec == CODEC_ZSTD and not _round_trips(payload, buffer, size):
        raise Corrupt(
            "zstd damaged a frame: decompressing it did not return the original bytes",
            hint="nothing was stored; install another release of the Python package zstandard and try again",
        )
    header = FrameHeader(codec, PLAINTEXT, frame.is_data, size, len(payload), len(descriptor), b"")
    sealed = header._replace(check=frame_check(header, payload))
    return Packed(encode_frame_header(sealed) + payload, size)


def _round_trips(payload: bytes, buffer: bytearray, size: int) -> bool:
    raw = _decompressor().decompress(payload, max_output_size=size)
    return len(raw) == size and buffer.startswith(raw)  # one comparison of memory, without a copy


def unpack_frame(data: bytes) -> tuple[FrameHeader, bytes]:
    """Returns a frame's header and raw bytes (objects, then descriptor). Raises `Corrupt`."""
    header = decode_frame_header(data)
    payload = data[FRAME_HEADER : FRAME_HEADER + header.stored]
    if len(payload) != header.stored or frame_check(header, payload) != header.check:
        raise Corrupt("a frame's bytes are damaged")
    if header.generation != PLAINTEXT or header.codec not in (CODEC_STORED, CODEC_ZSTD):
        # The repository's format version defines the codecs. So this header is damaged, not written by a newer release.
        raise Corrupt("a frame has an unknown codec or key generation")
    raw = payload if header.codec == CODEC_STORED else _decompress(payload, header.raw)
    if len(raw) != header.raw:
        raise Corrupt("a frame's decoded length does not match its header")
    return header, raw


def _decompress(payload: bytes, raw: int) -> bytes:
    import zstandard

    try:
        # zstd allocates the content size that the payload claims, so that size must match the header first.
        if zstandard.frame_content_size(payload) != raw:
            raise Corrupt("a frame's decoded length does not match its header")
        return _decompressor().decompress(payload, max_output_size=raw, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise Corrupt("a frame cannot be decompressed") from error


def split_frame(header: FrameHeader, raw: bytes) -> Iterator[tuple[int, memoryview]]:
    """Yields (kind, bytes) of every object in a frame, as the frame's descriptor lists them. Raises `Corrupt`."""
    kinds, lengths = decode_descriptor(raw[len(raw) - header.descriptor :], header.raw)
    view = memoryview(raw)
    position = 0
    for kind, length in zip(kinds, lengths, strict=True):
        yield kind, view[position : position + length]
        position += length
