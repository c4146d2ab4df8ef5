"""Cuts bytes into chunks by content (FastCDC, Xia et al. 2020), so that equal spans become equal chunks."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple


class ChunkerSettings(NamedTuple):
    """Sizes in bytes. They are kept in a repository's config and never change there: other cuts dedup nothing."""

    average: int = 16 << 10
    minimum: int = 4 << 10
    maximum: int = 128 << 10
    seed: int = 0


class Chunker:
    """Cuts streams with one repository's settings."""

    __slots__ = ("_cdc", "maximum")

    def __init__(self, settings: ChunkerSettings) -> None:
        from pyfastcdc import FastCDC  # 30 ms that a run with nothing to cut need not pay

        self._cdc = FastCDC(
            settings.average,
            min_size=settings.minimum,
            max_size=settings.maximum,
            normalized_chunking=1,
            seed=settings.seed,
        )
        self.maximum = settings.maximum

    def cut(self, blocks: Iterable[bytes]) -> Iterator[memoryview]:
        """The chunks of a stream, wherever its blocks break; the same as those of the blocks joined.

        A chunk is valid until the next one is asked for.
        """
        source = iter(blocks)
        data = next(source, b"")
        for block in source:
            # A cut is decided by at most `maximum` bytes, so only chunks that start with that many
            # bytes at hand are final before the end is known.
            final = len(data) - self.maximum
            position = 0
            if final >= 0:
                for chunk in self._cdc.cut_buf(data):
                    if chunk.offset > final:
                        break
                    position = chunk.offset + chunk.length
                    yield chunk.data
            data = data[position:] + block
        if data:
            for chunk in self._cdc.cut_buf(data):
                yield chunk.data
