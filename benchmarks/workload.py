"""What the tools are made to do: each step by every tool in turn, on the same files."""

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
    """What every workload needs: the tools, a scratch folder, where results go, how progress is told."""

    tools: tuple[type[Peer], ...]
    scratch: Path
    results: Results
    say: Say

    @contextmanager
    def peers(self, home: Path, turn: int, *, as_folder: bool = False) -> Iterator[list[Peer]]:
        """A new repository for each tool, removed at the end; who begins changes from run to run."""
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
    """A generated home, all of it in the page cache."""
    home = bench.scratch / f"home-{size}"
    bench.say(f"making a home: {sessions} sessions, {size / 1e6:.0f} MB")
    _home_command(home, "--sessions", str(sessions), "--size", str(size))
    warm(home)
    return home


def warm(folder: Path) -> None:
    """Read every file once, so that the first tool is not the one that waits for the disk."""
    for path in folder.rglob("*"):
        if path.is_file():
            hash_file(path)


def _home_command(*arguments: str | Path) -> None:
    # In a process of its own: see measure.run on memory.
    command = [sys.executable, "-m", "benchmarks.home", *map(str, arguments)]
    root = Path(__file__).parent.parent
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=root)


def bench_home(bench: Bench, home: Path, turn: int) -> None:
    """First snapshot, no change, a change, and the restore of a home."""
    results = bench.results
    with bench.peers(home, turn) as peers:
        for peer in peers:
            bench.say(f"run {turn + 1}: first snapshot, {peer.name}")
            results.add_cost("first", peer.name, peer.snapshot())
            results.add("bytes", peer.name, size_of(peer.scratch.repository))
        lasting = [peer for peer in peers if peer.keeps_history]
        for peer in lasting:
            results.add_cost("unchanged", peer.name, peer.snapshot())
        # Tools look at times to see a change: the files' must differ from their last look's.
        time.sleep(0.05)
        _home_command(home, "--append", "0.03", "--seed", str(turn))
        warm(home)
        for peer in lasting:
            results.add_cost("changed", peer.name, peer.snapshot())
        expected = hashes_of(home)
        for peer in lasting:
            restore(bench, peer, expected, "restore")


def bench_large(bench: Bench, home: Path, turn: int) -> None:
    """The first snapshot of a large home: its time, and above all its memory."""
    with bench.peers(home, turn) as peers:
        for peer in peers:
            bench.say(f"run {turn + 1}: large home, {peer.name}")
            bench.results.add_cost("large_first", peer.name, peer.snapshot())


def bench_corpus(bench: Bench, corpus: Path, batches: int, turn: int) -> None:
    """A corpus played back in batches, with a snapshot by every tool after each."""
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
    """Restore the last state and see that it is the home, byte for byte; only the tool's part is timed."""
    target = bench.scratch / f"restored-{peer.name}"
    target.mkdir()
    cost = peer.restore(target)
    wrong = differences(peer.laid_out(expected), hashes_of(target))
    shutil.rmtree(target)
    if wrong:
        raise CommandFailed(f"{peer.name} restored something else: {wrong[:5]} ({len(wrong)} in all)")
    bench.results.add_cost(row, peer.name, cost)


def check_restore(bench: Bench, peer: Peer, expected: dict[str, bytes]) -> None:
    """Restore without keeping the time."""
    unkept = Bench(bench.tools, bench.scratch, Results(), bench.say)
    restore(unkept, peer, expected, "restore")
