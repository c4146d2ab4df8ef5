"""A check that every state of a corpus is restored byte for byte: `python -m benchmarks.corpus CORPUS`.

It replays the corpus in batches, with `ctx snapshot` after each. Then it checks out every state and compares it with
the original, including missing and extra files. The exit code is 1 if anything differs.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .measure import size_of
from .peer import Scratch
from .replay import apply, read_steps, split_batches
from .tools import Ctx
from .trees import differences, hashes_of


@dataclass(frozen=True)
class State:
    """The home after one batch: the time and op of its snapshot, and the hash of each file."""

    time: str
    op: str
    hashes: dict[str, bytes]


def record_states(ctx: Ctx, corpus: Path, batches: int) -> tuple[list[State], int]:
    """Replays the corpus with a snapshot after each batch. Returns the states, and the bytes written to the home."""
    states, written = [], 0
    for batch in split_batches(read_steps(corpus), batches):
        written += apply(batch, ctx.saved)
        ctx.snapshot_json()
        # This is the time that ctx reports, as a user would copy it from the log.
        answer = json.loads(ctx.printed())
        states.append(State(str(answer["time"]), str(answer["op"]), hashes_of(ctx.saved)))
    return states, written


def check_state(ctx: Ctx, state: State, target: Path) -> list[str]:
    """Checks out one state and compares it. Returns the differences."""
    target.mkdir()
    ctx.ctx("checkout", "--all", "--at", state.time, "--to", target)
    wrong = differences(ctx.laid_out(state.hashes), hashes_of(target))
    shutil.rmtree(target)
    return wrong


def check_corpus(corpus: Path, batches: int, scratch: Path, *, as_folder: bool) -> int:
    """Returns the number of states that differ after a checkout, and prints which."""
    home = scratch / "home"
    home.mkdir()
    ctx = Ctx(Scratch(scratch / "ctx"), home)
    ctx.as_folder = as_folder
    ctx.init()
    states, written = record_states(ctx, corpus, batches)
    failed = 0
    for number, state in enumerate(states, 1):
        wrong = check_state(ctx, state, scratch / "state")
        failed += bool(wrong)
        for line in wrong[:5]:
            print(f"state {number} ({state.op[:12]}, {state.time}): {line}", file=sys.stderr)
    ctx.ctx("check", "--read-data")
    files = sum(len(state.hashes) for state in states)
    print(
        f"{corpus.name}: {len(states)} states, {files} files compared, {failed} states differ; "
        f"{written / 1e6:.1f} MB in, {size_of(ctx.scratch.repository) / 1e6:.1f} MB stored"
    )
    return failed


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.corpus", description=__doc__)
    parser.add_argument("corpus", type=Path, help="steps.json and blobs/")
    parser.add_argument("--batches", type=int, default=40)
    parser.add_argument(
        "--source",
        choices=("home", "directory"),
        default="home",
        help="home: the agents ctx finds (default); directory: the whole home as a folder",
    )
    parser.add_argument("--scratch", type=Path, help="make the scratch folder in this one")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=options.scratch) as scratch:
        as_folder = options.source == "directory"
        failed = check_corpus(options.corpus, options.batches, Path(scratch), as_folder=as_folder)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
