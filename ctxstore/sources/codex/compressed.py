"""Rollouts that Codex has packed with zstd → their lines.

Packed data comes from outside: a few bytes may claim to be gigabytes, end anywhere, or be no zstd at all. So they are
unpacked in small pieces, up to `LIMIT`. Bytes that can't be unpacked are passed on unchanged: a message of role
unknown.
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
    """Unpacks blocks broken anywhere, frame after frame."""

    def __init__(self) -> None:
        import zstandard  # 5 ms that listing contexts need not pay

        unpacker = zstandard.ZstdDecompressor(max_window_size=_WINDOW)
        self._unpack = unpacker.decompressobj(read_across_frames=True).decompress
        self._failure = zstandard.ZstdError
        self._left = LIMIT
        self._failed = False

    def feed(self, block: bytes) -> Iterator[bytes]:
        """Yields the unpacked bytes of `block`, as far as they are complete."""
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
    """Yields the bytes that were packed. Never fails: a file cut short gives what is left of it."""
    unpacker = Unpacker()
    for block in blocks:
        yield from unpacker.feed(block)
