"""Measurements of every source's parser, and of a home with all agents: `python -m benchmarks.agents`.

Rates are for one core. A transcript's bytes pass through the scanner (as when they are stored), through the parser
(which reads messages), and through BLAKE3. The last one shows how fast the machine is during the same run.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from random import Random

from blake3 import blake3

import ctxstore
from ctxstore.ops.snapshot.targets import Target
from ctxstore.sources.protocol import FoundContext, FoundFile, Source
from ctxstore.sources.registry import get_source

from .databases import DATABASES
from .home import generate
from .measure import median
from .shapes import SHAPES, Conversation
from .turns import turns
from .words import open_project

NAMES = ("claude-code", *SHAPES, *DATABASES)
BLOCK = 4 << 20
MB = 1_000_000


def write_home(home: Path, name: str, sessions: range, count: int) -> None:
    """Writes sessions of the agent `name`, each of `count` turns, below `home`."""
    if name == "claude-code":
        generate(home, sessions=len(sessions), size=len(sessions) * count * 7000, seed=sessions.start)
        return
    project = open_project("agents")
    talks = [
        Conversation(n, f"/home/dev/p{n % 7}", list(turns(Random(f"{name} {n}"), project, count))) for n in sessions
    ]
    if name in DATABASES:
        DATABASES[name](home, talks)
        return
    for talk in talks:
        key, data = SHAPES[name](talk)
        path = home / key
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            file.write(data)


def targets_in(home: Path, name: str) -> list[Target]:
    """Returns the targets at which a source finds its sessions in `home`, with every project if it keeps them there."""
    source = get_source(name)
    places = {"HOME": str(home)}, *({"HOME": str(home), "PWD": str(folder)} for folder in home.glob("home/dev/*"))
    found = {root: Target(source, root) for environ in places for root in source.discover(environ)}
    return list(found.values())


def largest_transcript(name: str, home: Path) -> tuple[Source, FoundContext, FoundFile]:
    """Returns the largest file with messages, with its context and source."""
    best: tuple[int, Source, FoundContext, FoundFile] | None = None
    for source, root in targets_in(home, name):
        for context in source.contexts(root, lambda skipped: None):
            key = source.transcript(context.name, [file.key for file in context.files])
            for file in context.files:
                if file.key == key and (best is None or file.stat.st_size > best[0]):
                    best = (file.stat.st_size, source, context, file)
    assert best is not None, name
    return best[1:]


def read_blocks(file: FoundFile) -> list[bytes]:
    """Returns a transcript's bytes in the blocks in which a snapshot reads them."""
    if file.content is not None:
        return list(file.content())
    data = Path(file.path).read_bytes()
    return [data[at : at + BLOCK] for at in range(0, len(data), BLOCK)]


def rate(size: int, once: Callable[[], object], times: int = 5) -> float:
    """Returns MB per second of processor time, the median of `times` runs. `size` is in bytes."""
    found = []
    for _ in range(times):
        begin = time.process_time()
        once()
        found.append(size / MB / (time.process_time() - begin))
    return median(found)


def exhaust(values: Iterable[object]) -> None:
    """Iterates over all values."""
    for _ in values:
        pass


def measure_parsing(name: str, folder: Path, count: int) -> str:
    """Measures one source and returns its row of the table."""
    home = folder / name
    write_home(home, name, range(1), count)
    source, context, file = largest_transcript(name, home)
    blocks = read_blocks(file)
    size = sum(map(len, blocks))

    def scan() -> None:
        scanner = source.scanner(context.name, file.key)
        if scanner is not None:
            for block in blocks:
                scanner.feed(block)
            scanner.finish()

    scanned = rate(size, scan)
    parsed = rate(size, lambda: exhaust(source.messages(blocks)))
    hashed = rate(size, lambda: [blake3(block).digest() for block in blocks])
    messages = sum(1 for _ in source.messages(blocks))
    return f"| {name} | {size / MB:.0f} MB | {messages:,} | {scanned:.0f} | {parsed:.0f} | {hashed:.0f} |"


def measure_home(folder: Path, sessions: int, count: int) -> Iterable[str]:
    """Measures a home with all agents: the first snapshot, one without changes, one with a new session of each."""
    home = folder / "home"
    for name in NAMES:
        write_home(home, name, range(sessions), count)
    targets = [target for name in NAMES for target in targets_in(home, name)]
    repo = ctxstore.init(folder / "repo")
    for what in ("first snapshot", "nothing new", "a session more of each"):
        if what.startswith("a session"):
            for name in NAMES:
                write_home(home, name, range(sessions, sessions + 1), count)
        if what == "nothing new":
            time.sleep(3)  # the stat cache trusts a file time in full seconds only after two more seconds
        begin = time.perf_counter()
        report = repo.snapshot(targets)
        seconds = time.perf_counter() - begin
        read = sum(each.bytes_read for each in report.sources)
        stored = report.bytes_stored
        yield f"| {what} | {seconds:.2f} s | {read / MB:.1f} MB | {stored / MB:.1f} MB | {len(report.commits)} |"
    repo.close()


def main() -> None:
    """Prints both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=4000, help="turns of the transcript that is parsed")
    parser.add_argument("--sessions", type=int, default=40, help="sessions of each agent in the home")
    parser.add_argument("--only", metavar="SOURCE", help="one source")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ.pop("HOME", None)
        print(
            "| source | transcript | messages | scanner MB/s | parser MB/s | BLAKE3 MB/s |\n|---|---|---|---|---|---|"
        )
        for source in [asked.only] if asked.only else NAMES:
            print(measure_parsing(source, folder, asked.turns), flush=True)
        if not asked.only:
            print("\n| a home with all agents | time | read | stored | commits |\n|---|---|---|---|---|")
            for row in measure_home(folder, asked.sessions, 60):
                print(row, flush=True)


if __name__ == "__main__":
    main()
