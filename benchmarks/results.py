"""Samples of a run of the benchmarks, and what they are held against."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from .measure import Cost, median

REPOSITORIES = ("git", "restic", "borg")


@dataclass(frozen=True)
class Row:
    """One line of the table: what was done, its unit, and the target for ctx.

    `share` is of the best of `peers`; `limit` is a fixed most. Without either the row is only shown.
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
    """Samples by row and tool, and the most memory by row and tool."""

    samples: dict[str, dict[str, list[float]]] = field(default_factory=lambda: defaultdict(dict))
    peaks: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    facts: dict[str, object] = field(default_factory=dict)

    def add(self, row: str, tool: str, value: float) -> None:
        self.samples[row].setdefault(tool, []).append(value)

    def add_cost(self, row: str, tool: str, cost: Cost) -> None:
        self.add(row, tool, cost.seconds)
        peaks = self.peaks[row]
        peaks[tool] = max(peaks.get(tool, 0), cost.memory)
        # How memory grows with the home is a row of its own.
        self.samples["large_memory" if row == "large_first" else "memory"][tool] = [
            float(max(found[tool] for key, found in self.peaks.items() if tool in found and _same(key, row)))
        ]

    def value(self, row: str, tool: str) -> float | None:
        """The median of a row's samples of a tool."""
        samples = self.samples.get(row, {}).get(tool)
        return median(samples) if samples else None

    def best(self, row: Row) -> tuple[str, float] | None:
        """The row's best peer and its value."""
        found = [(name, value) for name in row.peers if (value := self.value(self._base(row), name)) is not None]
        return min(found, key=lambda pair: pair[1]) if found else None

    def ratio(self, row: Row) -> float | None:
        """What ctx takes of what the best peer takes."""
        mine, best = self.value(row.key, "ctx"), self.best(row)
        return mine / best[1] if mine is not None and best is not None and best[1] else None

    def met(self, row: Row) -> bool | None:
        """Whether the target is reached; None when there is none, or nothing to compare."""
        mine, ratio = self.value(row.key, "ctx"), self.ratio(row)
        if row.limit is not None:
            return None if mine is None else mine <= row.limit
        return None if row.share is None or ratio is None else ratio <= row.share

    def tools(self, order: Iterable[str]) -> list[str]:
        return [name for name in order if any(name in found for found in self.samples.values())]

    @staticmethod
    def _base(row: Row) -> str:
        # Only ctx recompresses: held against the peers' repositories as they are.
        return "corpus_bytes" if row.key == "corpus_recompressed" else row.key


def _same(key: str, row: str) -> bool:
    return (key == "large_first") == (row == "large_first")
