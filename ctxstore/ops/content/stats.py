"""Statistics of a repository: counts and sizes."""

from __future__ import annotations

from contextlib import suppress
from typing import NamedTuple

from ctxstore.errors import Corrupt, NotFound
from ctxstore.history.engine import Engine
from ctxstore.history.oplog import iter_ops
from ctxstore.ops.content.log import iter_contexts, iter_history

BIGGEST = 10
"""The number of contexts that the statistics list as the biggest."""


class Stats(NamedTuple):
    """Counts and sizes of a repository.

    `versions_bytes` sums all commits as if each were a full copy. `unique_bytes` is the size of the distinct objects,
    `stored_bytes` their size in packs, after compression. `biggest` lists (ref, bytes of the head), largest first.
    """

    contexts: int
    commits: int
    ops: int
    versions_bytes: int
    unique_bytes: int
    stored_bytes: int
    packs: int
    objects: int
    biggest: tuple[tuple[str, int], ...]

    @property
    def dedup_ratio(self) -> float:
        """The ratio of `versions_bytes` to `unique_bytes`: 1.0 if nothing is shared."""
        return self.versions_bytes / self.unique_bytes if self.unique_bytes else 1.0

    @property
    def compression_ratio(self) -> float:
        """The ratio of `unique_bytes` to `stored_bytes`: 1.0 if nothing is compressed."""
        return self.unique_bytes / self.stored_bytes if self.stored_bytes else 1.0


def stats(engine: Engine) -> Stats:
    """Computes the statistics of a repository. Reads its history but no content, and skips commits it cannot read."""
    contexts = list(iter_contexts(engine))
    packs = engine.live_packs()
    seen: set[bytes] = set()
    versions = 0
    for _, head in contexts:
        with suppress(Corrupt, NotFound):  # counts only the commits that can be read
            for id, commit in iter_history(engine, head.id):
                if id not in seen:
                    seen.add(id)
                    versions += commit.summary.bytes
    biggest = sorted(((head.commit.summary.bytes, ref) for ref, head in contexts), reverse=True)[:BIGGEST]
    return Stats(
        contexts=len(contexts),
        commits=len(seen),
        ops=_count_ops(engine),
        versions_bytes=versions,
        unique_bytes=sum(pack.raw for pack in packs),
        stored_bytes=sum(pack.size for pack in packs),
        packs=len(packs),
        objects=sum(pack.objects for pack in packs),
        biggest=tuple((ref, size) for size, ref in biggest),
    )


def _count_ops(engine: Engine) -> int:
    """Counts the entries of the op log, from the newest down to the first unreadable one."""

    count = 0
    with suppress(Corrupt, NotFound):
        for _ in iter_ops(engine.store, engine.root().op):
            count += 1
    return count
