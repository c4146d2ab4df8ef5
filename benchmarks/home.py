r"""A generator of synthetic homes of agent users, from a seed: `python -m benchmarks.home DIR`.

The same seed gives the same bytes. The transcripts contain repetitions like real ones. The same few files are read
repeatedly, a record contains a tool's output twice, and a parent's transcript repeats the steps of its sub-agents.
The table compares a home in its last state with the median of published transcripts:

| | published transcripts | this home, 300 MB |
|---|---|---|
| bytes left after FastCDC (8 KiB average), every chunk kept once | 89.3 % | 90.5 % |
| `tar \| zstd -3`, raw / compressed | 8.50 | 8.92 |
| `zstd -3` of each file on its own (published files are six times as long) | 8.38 | 7.14 |
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import msgspec

from .transcript import Session, new_uuid
from .words import open_project

PROJECTS = (
    "atlas",
    "beacon",
    "comet",
    "delta",
    "ember",
    "fjord",
    "grove",
    "harbor",
    "inlet",
    "juniper",
    "kiln",
    "lagoon",
)
MB = 1_000_000
UNITS = {"KB": 1_000, "MB": MB, "GB": 1_000 * MB}
# The line that ends a turn is short, so this many bytes at the end of a file contain at least one complete line.
TAIL = 16_384


def parse_size(text: str) -> int:
    """Parses `300MB`, `1.5GB` or a plain number of bytes."""
    number, unit = (text[:-2], UNITS[text[-2:].upper()]) if text[-2:].upper() in UNITS else (text, 1)
    return int(float(number) * unit)


def plan_sizes(rng: Random, sessions: int, size: int) -> list[int]:
    """Returns the bytes of each transcript. They are log-normal, with a few transcripts of 8 to 10 MB."""
    long_ones = min(sessions // 400, size // 10 // (9 * MB))
    sizes = [rng.randrange(8 * MB, 10 * MB) for _ in range(long_ones)]
    weights = [rng.lognormvariate(0, 0.7) for _ in range(sessions - long_ones)]
    unit = (size - sum(sizes)) / sum(weights)
    sizes += [int(weight * unit) for weight in weights]
    rng.shuffle(sizes)
    return sizes


def generate(home: Path, *, sessions: int = 1200, size: int = 300 * MB, seed: int = 1) -> int:
    """Writes the home's transcripts and returns their bytes. Keeps only one record in memory at a time."""
    total = 0
    for number, target in enumerate(plan_sizes(Random(f"sizes {seed}"), sessions, size)):
        rng = Random(f"session {seed} {number}")
        name = rng.choice(PROJECTS)
        session = Session(rng, open_project(name), new_uuid(rng), at=number * 3600.0)
        folder = home / ".claude" / "projects" / f"-home-dev-{name}"
        folder.mkdir(parents=True, exist_ok=True)
        total += write_turns(folder / f"{session.id}.jsonl", session, target)
    return total


def write_turns(path: Path, session: Session, size: int) -> int:
    """Appends about `size` bytes of turns. Cuts the last turn short at that size, then writes the end of the turn."""
    written = 0
    with path.open("ab") as file:
        for line in session.lines():
            if written + len(line) // 2 >= size:
                break
            written += file.write(line)
        return written + file.write(session.last_lines())


def append(home: Path, share: float = 0.03, seed: int = 1, size: int = 20_000) -> int:
    """Continues a share of the sessions by about `size` bytes each. Returns the bytes written."""
    transcripts = sorted(home.glob(".claude/projects/*/*.jsonl"))
    rng = Random(f"append {seed}")
    chosen = rng.sample(transcripts, max(1, round(len(transcripts) * share)))
    return sum(write_turns(path, resume(path, seed), size) for path in chosen)


def resume(path: Path, seed: int) -> Session:
    """Returns a session that continues at the end of a transcript."""
    last = next(record for record in _records_backwards(path) if "uuid" in record)
    project = open_project(path.parent.name.removeprefix("-home-dev-"))
    rng = Random(f"resume {seed} {path.stem}")
    return Session(rng, project, path.stem, parent=last["uuid"], at=86_400.0 * 200 + rng.random() * 86_400)


def _records_backwards(path: Path) -> Iterator[dict[str, str]]:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - TAIL))
        lines = file.read().splitlines()
    # The first line may be incomplete.
    for line in reversed(lines[1:]):
        yield msgspec.json.decode(line)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.home", description=__doc__)
    parser.add_argument("home", type=Path)
    parser.add_argument("--sessions", type=int, default=1200)
    parser.add_argument("--size", type=parse_size, default=300 * MB)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--append", type=float, metavar="SHARE", help="append turns to this share of the sessions")
    options = parser.parse_args(arguments)
    begin = time.perf_counter()
    if options.append is None:
        written = generate(options.home, sessions=options.sessions, size=options.size, seed=options.seed)
    else:
        written = append(options.home, options.append, options.seed)
    print(f"{written / MB:.1f} MB in {time.perf_counter() - begin:.1f} s")


if __name__ == "__main__":
    main()
