"""The workloads: every tool performs each step in turn, on the same files."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .measure import CommandFailed, Cost, disk_size_of, size_of
from .peer import Peer, Scratch
from .replay import Step, apply, read_steps, split_batches
from .results import Results
from .tools import Ctx
from .trees import differences, hash_file, hashes_of

Say = Callable[[str], None]


@dataclass(frozen=True)
class Bench:
    """The inputs of all workloads: the tools, a scratch folder, the results, and a function that reports progress."""

    tools: tuple[type[Peer], ...]
    scratch: Path
    results: Results
    say: Say

    @contextmanager
    def peers(self, home: Path, turn: int, *, as_folder: bool = False) -> Iterator[list[Peer]]:
        """Creates a new repository for each tool, and removes it at the end. Each run begins with another tool."""
        place = self.scratch / f"tools-{turn}"
        first = turn % len(self.tools)
        made = [tool(Scratch(place / tool.name), home) for tool in self.tools[first:] + self.tools[:first]]
        for peer in made:
            if isinstance(peer, Ctx):
                peer.as_folder = as_folder
            peer.init()
        try:
            yield made
        finally:
            shutil.rmtree(place)


def make_home(bench: Bench, *, sessions: int, size: int) -> Path:
    """Generates a home and reads it into the page cache."""
    home = bench.scratch / f"home-{size}"
    bench.say(f"making a home: {sessions} sessions, {size / 1e6:.0f} MB")
    _home_command(home, "--sessions", str(sessions), "--size", str(size))
    warm(home)
    return home


def warm(folder: Path) -> None:
    """Reads every file once, so that the first tool does not wait for the disk on behalf of the others."""
    for path in folder.rglob("*"):
        if path.is_file():
            hash_file(path)


def _home_command(*arguments: str | Path) -> None:
    # Runs in a separate process: see `measure.run` on memory.
    command = [sys.executable, "-m", "benchmarks.home", *map(str, arguments)]
    root = Path(__file__).parent.parent
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=root)


def bench_home(bench: Bench, home: Path, turn: int) -> None:
    """Measures a home: the first snapshot, one without changes, one with changes, and a restore."""
    results = bench.results
    with bench.peers(home, turn) as peers:
        for peer in peers:
            bench.say(f"run {turn + 1}: first snapshot, {peer.name}")
            results.add_cost("first", peer.name, peer.snapshot())
            results.add("bytes", peer.name, size_of(peer.scratch.repository))
        lasting = [peer for peer in peers if peer.keeps_history]
        for peer in lasting:
            results.add_cost("unchanged", peer.name, peer.snapshot())
        # Tools detect changes by file times, so the new times must differ from those of the last snapshot.
        time.sleep(0.05)
        _home_command(home, "--append", "0.03", "--seed", str(turn))
        warm(home)
        for peer in lasting:
            results.add_cost("changed", peer.name, peer.snapshot())
        expected = hashes_of(home)
        for peer in lasting:
            restore(bench, peer, expected, "restore")


def bench_large(bench: Bench, home: Path, turn: int) -> None:
    """Measures the first snapshot of a large home: its time, and above all its memory."""
    with bench.peers(home, turn) as peers:
        for peer in peers:
            bench.say(f"run {turn + 1}: large home, {peer.name}")
            bench.results.add_cost("large_first", peer.name, peer.snapshot())


def bench_corpus(bench: Bench, corpus: Path, batches: int, turn: int) -> None:
    """Measures the replay of a corpus in batches, with a snapshot by every tool after each batch."""
    steps = read_steps(corpus)
    home = bench.scratch / f"corpus-{turn}"
    home.mkdir()
    with bench.peers(home, turn, as_folder=not only_claude(steps)) as peers:
        lasting = [peer for peer in peers if peer.keeps_history]
        _play(bench, lasting, split_batches(steps, batches), home)
        expected = hashes_of(home)
        for peer in lasting:
            _weigh(bench.results, peer)
            restore(bench, peer, expected, "corpus_restore")
            if isinstance(peer, Ctx):
                peer.recompress()
                bench.results.add("corpus_recompressed", peer.name, size_of(peer.scratch.repository))
                check_restore(bench, peer, expected)
    shutil.rmtree(home)


def only_claude(steps: list[Step]) -> bool:
    return all(step.path.startswith(".claude/") for step in steps)


def _play(bench: Bench, peers: list[Peer], batches: list[list[Step]], home: Path) -> None:
    totals: dict[str, Cost] = {}
    for number, batch in enumerate(batches):
        bench.say(f"corpus: batch {number + 1} of {len(batches)}")
        apply(batch, home)
        for peer in peers:
            cost = peer.snapshot()
            totals[peer.name] = totals[peer.name] + cost if peer.name in totals else cost
    for name, cost in totals.items():
        bench.results.add_cost("corpus", name, cost)


def _weigh(results: Results, peer: Peer) -> None:
    results.add("corpus_bytes", peer.name, size_of(peer.scratch.repository))
    results.facts[f"corpus bytes on disk, {peer.name}"] = disk_size_of(peer.scratch.repository)


def restore(bench: Bench, peer: Peer, expected: dict[str, bytes], row: str) -> None:
    """Restores the last state and compares it with the home byte by byte. Only the restore itself is timed."""
    target = bench.scratch / f"restored-{peer.name}"
    target.mkdir()
    cost = peer.restore(target)
    wrong = differences(peer.laid_out(expected), hashes_of(target))
    shutil.rmtree(target)
    if wrong:
        raise CommandFailed(f"{peer.name} restored something else: {wrong[:5]} ({len(wrong)} in all)")
    bench.results.add_cost(row, peer.name, cost)


def check_restore(bench: Bench, peer: Peer, expected: dict[str, bytes]) -> None:
    """Restores the last state and compares it, without recording the time."""
    unkept = Bench(bench.tools, bench.scratch, Results(), bench.say)
    restore(unkept, peer, expected, "restore")
