"""Decompresses rollouts that Codex has compressed with zstd.

The compressed data is not trusted: a few bytes may expand to gigabytes, end anywhere, or not be zstd. So they are
decompressed in small blocks, up to `LIMIT`. Bytes that cannot be decompressed are passed on unchanged, as a message of
role unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

LIMIT = 4 << 30
"""The most bytes that are unpacked. Codex's longest sessions are a tenth of that."""

_PIECE = 1 << 10
"""Three bytes may stand for 128 KiB: this many can't become more than 43 MiB at once."""

_WINDOW = 1 << 27
"""The largest distance of a reference in a frame: as much memory is used while it is unpacked."""


class Unpacker:
    """Decompresses blocks of any size, frame after frame."""

    def __init__(self) -> None:
        import zstandard  # 5 ms that listing contexts need not pay

        unpacker = zstandard.ZstdDecompressor(max_window_size=_WINDOW)
        self._unpack = unpacker.decompressobj(read_across_frames=True).decompress
        self._failure = zstandard.ZstdError
        self._left = LIMIT
        self._failed = False

    def feed(self, block: bytes) -> Iterator[bytes]:
        """Yields the bytes that can be decompressed after `block`."""
        for at in range(0, len(block), _PIECE):
            if self._failed:
                yield block[at:]
                return
            yield from self._piece(block[at : at + _PIECE])

    def _piece(self, piece: bytes) -> Iterator[bytes]:
        try:
            data = self._unpack(piece)
        except self._failure:
            data, self._left = b"", 0
        if len(data) >= self._left:
            self._failed = True
            data = data[: self._left] + piece
        self._left -= len(data)
        if data:
            yield data


def unpack(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Yields the decompressed bytes. Never fails: of a truncated file, the readable beginning is returned."""
    unpacker = Unpacker()
    for block in blocks:
        yield from unpacker.feed(block)
