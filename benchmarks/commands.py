"""Measurements of the commands that only read: `python -m benchmarks.commands`.

It runs `ctx --help`, then `log`, `show` and `diff` on a repository of 10,000 commits, then a snapshot of 10,000
sessions without changes.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from .measure import Cost, median
from .peer import Scratch
from .tools import Ctx

CONTEXTS = 20


@dataclass(frozen=True)
class Answer:
    """A command's median time in seconds, its peak memory in bytes, and the most seconds that it may take."""

    command: str
    seconds: float
    memory: int
    limit: float


def build_commits(repository: Path, commits: int) -> list[str]:
    """Writes this many commits, spread over `CONTEXTS` contexts. Returns the contexts' names."""
    import ctxstore

    names = [f"bench/chat-{number}" for number in range(CONTEXTS)]
    repo = ctxstore.open(repository)
    for name in names:
        with repo.edit(name) as draft:
            for turn in range(commits // CONTEXTS):
                draft.messages.append({"role": "user", "content": f"turn {turn} of {name}"})
                draft.commit(note=f"turn {turn}")
    return names


def answer(command: str, limit: float, runs: int, once: Callable[[], Cost]) -> Answer:
    """Measures a command: the median of `runs` runs, after one that fills the caches."""
    once()
    costs = [once() for _ in range(runs)]
    return Answer(command, median(cost.seconds for cost in costs), max(cost.memory for cost in costs), limit)


def measure_history(ctx: Ctx, name: str, runs: int) -> list[Answer]:
    """Measures the commands that read a history."""
    commands: list[tuple[str, ...]] = [
        ("log",),
        ("log", name),
        ("log", "-n", "20", name),
        ("show", name),
        ("show", f"{name}~100"),
        ("diff", f"{name}~1", name),
        ("diff", f"{name}~100", name),
        ("refs",),
    ]
    return [answer(" ".join(command), 0.2, runs, partial(ctx.ctx, *command)) for command in commands]


def measure_sessions(scratch: Path, sessions: int, runs: int) -> Answer:
    """Measures a snapshot of many sessions of which none changed."""
    home = scratch / "home"
    size = str(sessions * 6_000)
    command = [
        sys.executable,
        "-m",
        "benchmarks.home",
        str(home),
        "--sessions",
        str(sessions),
        "--size",
        size,
    ]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=Path(__file__).parent.parent)
    ctx = Ctx(Scratch(scratch / "sessions"), home)
    ctx.init()
    ctx.snapshot()
    return answer(f"snapshot, {sessions} sessions, no change", 0.6, runs, ctx.snapshot)


def measure(scratch: Path, options: argparse.Namespace) -> list[Answer]:
    ctx = Ctx(Scratch(scratch / "commits"), scratch)
    ctx.init()
    # Built in a separate process: see `measure.run` on memory.
    builder = [sys.executable, "-m", "benchmarks.commands", "--build", str(ctx.scratch.repository)]
    root = Path(__file__).parent.parent
    subprocess.run([*builder, "--commits", str(options.commits)], check=True, cwd=root)
    help_ = answer("--help", 0.1, options.runs, lambda: ctx.run("--help"))
    history = measure_history(ctx, "bench/chat-7", options.runs)
    return [help_, *history, measure_sessions(scratch, options.sessions, options.runs)]


def show(answers: list[Answer]) -> str:
    rows = [f"{'ctx':42}{'median':>10}{'limit':>10}{'memory':>10}  met"]
    for found in answers:
        met = "yes" if found.seconds <= found.limit else "NO"
        times = f"{found.seconds * 1000:7.0f} ms{found.limit * 1000:7.0f} ms{found.memory / 1e6:7.0f} MB"
        rows.append(f"{found.command:42}{times}  {met}")
    return "\n".join(rows)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.commands", description=__doc__)
    parser.add_argument("--commits", type=int, default=10_000)
    parser.add_argument("--sessions", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--build", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.build:
        build_commits(options.build, options.commits)
        return
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        answers = measure(Path(scratch), options)
    print(show(answers))
    if options.json:
        options.json.write_text(json.dumps([asdict(found) for found in answers], indent=1) + "\n")


if __name__ == "__main__":
    main()
