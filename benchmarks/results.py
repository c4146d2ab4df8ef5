"""The samples of a benchmark run, and the targets with which they are compared."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from .measure import Cost, median

REPOSITORIES = ("git", "restic", "borg")


@dataclass(frozen=True)
class Row:
    """One line of the table: the work, its unit, and the target for ctx.

    The target is a `share` of the best of `peers`, or a fixed `limit`. A row without either has no target.
    """

    key: str
    title: str
    unit: str = "s"
    peers: tuple[str, ...] = REPOSITORIES
    share: float | None = None
    limit: float | None = None


ROWS = (
    Row("first", "first snapshot", share=0.67),
    Row("changed", "snapshot, 3 % appended to", peers=("git",), share=0.8),
    Row("unchanged", "snapshot, no change", peers=("git",), share=0.8),
    Row("restore", "restore the home, verified"),
    Row("bytes", "repository of the home", unit="B"),
    Row("corpus", "corpus, all its snapshots", peers=("git",), share=1.0),
    Row("corpus_bytes", "its repository", unit="B", share=0.75),
    Row("corpus_recompressed", "its repository, recompressed", unit="B", share=0.6),
    Row("corpus_restore", "its last state, verified", peers=("git",), share=1.0),
    Row("memory", "peak memory of these", unit="B", limit=120e6),
    Row("large_first", "first snapshot, large home"),
    Row("large_memory", "peak memory, large home", unit="B", limit=120e6),
)


@dataclass
class Results:
    """The samples by row and tool, and the peak memory in bytes by row and tool."""

    samples: dict[str, dict[str, list[float]]] = field(default_factory=lambda: defaultdict(dict))
    peaks: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    facts: dict[str, object] = field(default_factory=dict)

    def add(self, row: str, tool: str, value: float) -> None:
        self.samples[row].setdefault(tool, []).append(value)

    def add_cost(self, row: str, tool: str, cost: Cost) -> None:
        self.add(row, tool, cost.seconds)
        peaks = self.peaks[row]
        peaks[tool] = max(peaks.get(tool, 0), cost.memory)
        # The memory for the large home has a separate row, which shows how memory grows with the home.
        self.samples["large_memory" if row == "large_first" else "memory"][tool] = [
            float(max(found[tool] for key, found in self.peaks.items() if tool in found and _same(key, row)))
        ]

    def value(self, row: str, tool: str) -> float | None:
        """Returns the median of a tool's samples in a row."""
        samples = self.samples.get(row, {}).get(tool)
        return median(samples) if samples else None

    def best(self, row: Row) -> tuple[str, float] | None:
        """Returns the row's best peer and its value."""
        found = [(name, value) for name in row.peers if (value := self.value(self._base(row), name)) is not None]
        return min(found, key=lambda pair: pair[1]) if found else None

    def ratio(self, row: Row) -> float | None:
        """Returns the value of ctx divided by that of the best peer."""
        mine, best = self.value(row.key, "ctx"), self.best(row)
        return mine / best[1] if mine is not None and best is not None and best[1] else None

    def met(self, row: Row) -> bool | None:
        """Whether ctx reaches the target. None if there is no target, or no value to compare."""
        mine, ratio = self.value(row.key, "ctx"), self.ratio(row)
        if row.limit is not None:
            return None if mine is None else mine <= row.limit
        return None if row.share is None or ratio is None else ratio <= row.share

    def tools(self, order: Iterable[str]) -> list[str]:
        return [name for name in order if any(name in found for found in self.samples.values())]

    @staticmethod
    def _base(row: Row) -> str:
        # Only ctx can recompress. The result is compared with the peers' ordinary repositories.
        return "corpus_bytes" if row.key == "corpus_recompressed" else row.key


def _same(key: str, row: str) -> bool:
    return (key == "large_first") == (row == "large_first")
