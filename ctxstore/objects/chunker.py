"""The chunker: cuts bytes by content (FastCDC, Xia et al. 2020), so that equal spans become equal chunks."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple


class ChunkerSettings(NamedTuple):
    """The chunk sizes in bytes, and the seed. A repository's config keeps them.

    They never change in a repository: content that is cut with other settings shares no chunks with the old content.
    """

    average: int = 16 << 10
    minimum: int = 4 << 10
    maximum: int = 128 << 10
    seed: int = 0


class Chunker:
    """Cuts streams of bytes with one repository's settings."""

    __slots__ = ("_cdc", "maximum")

    def __init__(self, settings: ChunkerSettings) -> None:
        from pyfastcdc import FastCDC  # takes 30 ms, which a run with nothing to cut saves

        self._cdc = FastCDC(
            settings.average,
            min_size=settings.minimum,
            max_size=settings.maximum,
            normalized_chunking=1,
            seed=settings.seed,
        )
        self.maximum = settings.maximum

    def cut(self, blocks: Iterable[bytes]) -> Iterator[memoryview]:
        """Yields the chunks of a stream. They do not depend on how the stream is split into blocks.

        A chunk is valid only until the next one is requested.
        """
        source = iter(blocks)
        data = next(source, b"")
        for block in source:
            # A cut depends on at most `maximum` bytes. So before the end of the stream is known, a chunk is final only
            # if that many bytes from its start have been read.
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
