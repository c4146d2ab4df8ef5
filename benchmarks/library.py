"""A comparison of committing one message durably with inserting a row in SQLite: `python -m benchmarks.library`."""

from __future__ import annotations

import argparse
import json
import sqlite3
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any

from .measure import disk_size_of, median, size_of
from .words import prose

LENGTHS = (10, 100, 1000, 10_000)
# The most milliseconds and stored bytes that a commit may take.
LIMIT_MS, LIMIT_BYTES = 2.0, 2048


@dataclass(frozen=True)
class Result:
    """The cost of appending one message to a context of `length` messages: times, and bytes per message."""

    store: str
    length: int
    median_ms: float
    p99_ms: float
    bytes_each: float
    disk_bytes_each: float


def message(rng: Random) -> dict[str, Any]:
    """Returns a message of 1 KB of JSON."""
    text = prose(rng, 220)[:1000]
    return {"role": "user", "content": text}


def timed(once: Callable[[], None], times: int) -> list[float]:
    """Returns the milliseconds of each call."""
    found = []
    for _ in range(times):
        begin = time.perf_counter()
        once()
        found.append((time.perf_counter() - begin) * 1000)
    return found


def summary(store: str, length: int, times: list[float], sizes: tuple[int, int, int, int]) -> Result:
    before, after, disk_before, disk_after = sizes
    last = sorted(times)[min(len(times) - 1, int(len(times) * 0.99))]
    each, disk_each = (after - before) / len(times), (disk_after - disk_before) / len(times)
    return Result(store, length, median(times), last, each, disk_each)


def measure_ctxstore(folder: Path, length: int, commits: int) -> Result:
    """Measures one draft with many commits, like a program that keeps its chat open."""
    import ctxstore

    rng = Random(f"library {length}")
    path = folder / "repository"
    repo = ctxstore.init(path)
    with repo.edit("bench/chat") as draft:
        for _ in range(length):
            draft.messages.append(message(rng))
        draft.commit(note="so far")

        def once() -> None:
            draft.messages.append(message(rng))
            draft.commit(note="turn")

        once()
        before = size_of(path), disk_size_of(path)
        times = timed(once, commits)
        after = size_of(path), disk_size_of(path)
    return summary("ctxstore", length, times, (before[0], after[0], before[1], after[1]))


def measure_sqlite(folder: Path, length: int, commits: int) -> Result:
    """Measures the same messages as rows, without a history. A row is the minimum cost of a durable append."""
    rng = Random(f"library {length}")
    path = folder / "rows.db"
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=FULL")
    database.execute("CREATE TABLE message (id INTEGER PRIMARY KEY, chat TEXT, body TEXT)")
    insert = "INSERT INTO message (chat, body) VALUES ('bench/chat', ?)"
    database.execute("BEGIN")
    database.executemany(insert, ((json.dumps(message(rng)),) for _ in range(length)))
    database.execute("COMMIT")

    def size() -> tuple[int, int]:
        # Merge the write-ahead log first, because its fixed size would count as growth.
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return size_of(path), disk_size_of(path)

    before = size()
    times = timed(lambda: void(database.execute(insert, (json.dumps(message(rng)),))), commits)
    after = size()
    database.close()
    return summary("sqlite", length, times, (before[0], after[0], before[1], after[1]))


def void(_: object) -> None:
    """Ignores a result."""


def measure(lengths: tuple[int, ...], commits: int, scratch: Path | None) -> list[Result]:
    results = []
    for length in lengths:
        for store in (measure_sqlite, measure_ctxstore):
            with tempfile.TemporaryDirectory(prefix="bench-", dir=scratch) as folder:
                results.append(store(Path(folder), length, commits))
    return results


def show(results: list[Result]) -> str:
    rows = [f"{'store':10}{'messages':>10}{'median':>12}{'p99':>12}{'stored':>10}{'on disk':>10}  met"]
    for found in results:
        within = found.median_ms <= LIMIT_MS and found.bytes_each <= LIMIT_BYTES
        met = "" if found.store == "sqlite" else "yes" if within else "NO"
        times = f"{found.median_ms:9.2f} ms{found.p99_ms:9.2f} ms"
        sizes = f"{found.bytes_each:8.0f} B{found.disk_bytes_each:8.0f} B"
        rows.append(f"{found.store:10}{found.length:10}{times}{sizes}  {met}")
    return "\n".join(rows)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.library", description=__doc__)
    parser.add_argument("--lengths", type=lambda text: tuple(map(int, text.split(","))), default=LENGTHS)
    parser.add_argument("--commits", type=int, default=300, help="at least 200 (300)")
    parser.add_argument("--scratch", type=Path, help="make the scratch folder in this one: a real disk")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args(arguments)
    results = measure(options.lengths, options.commits, options.scratch)
    print(show(results))
    if options.json:
        options.json.write_text(json.dumps([asdict(found) for found in results], indent=1) + "\n")


if __name__ == "__main__":
    main()
