"""Measurements of extreme sizes: a million messages in one context, 100,000 contexts, 5 GB.

`python -m benchmarks.ceilings` makes a home of Claude Code sessions for each. Every command runs once, in a separate
process. The table has its time and its peak memory.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from random import Random

from .measure import Cost
from .peer import Scratch
from .tools import Ctx
from .transcript import new_uuid
from .words import prose

ROOT = Path(__file__).parent.parent
GB = 1_000_000_000


def make_messages(home: Path, scale: float) -> None:
    """Makes one session of a million short messages."""
    rng = Random("messages")
    session = new_uuid(rng)
    texts = [prose(rng, 30) for _ in range(2000)]
    folder = home / ".claude" / "projects" / "-home-dev-atlas"
    folder.mkdir(parents=True)
    parent = None
    with (folder / f"{session}.jsonl").open("w") as file:
        for number in range(int(1_000_000 * scale)):
            parent, before = f"{number:08x}-0000-4000-8000-{rng.getrandbits(48):012x}", parent
            file.write(_line(session, number, parent, before, f"{rng.choice(texts)} {rng.getrandbits(64):x}"))


def _line(session: str, number: int, uuid: str, parent: str | None, text: str) -> str:
    role = "assistant" if number % 2 else "user"
    seconds = number % 60, number // 60 % 60, number // 3600 % 24, number // 86400 % 28 + 1
    value = {
        "parentUuid": parent,
        "uuid": uuid,
        "sessionId": session,
        "timestamp": "2026-01-{3:02}T{2:02}:{1:02}:{0:02}Z".format(*seconds),
        "type": role,
        "message": {"role": role, "content": text},
    }
    return json.dumps(value, separators=(",", ":")) + "\n"


def make_contexts(home: Path, scale: float) -> None:
    """Makes 100,000 sessions of 2 KB."""
    _generate(home, int(100_000 * scale), int(200_000_000 * scale))


def make_bytes(home: Path, scale: float) -> None:
    """Makes 5,000 sessions, 5 GB in all."""
    _generate(home, max(1, int(5000 * scale)), int(5 * GB * scale))


def _generate(home: Path, sessions: int, size: int) -> None:
    command = [sys.executable, "-m", "benchmarks.home", str(home), "--sessions", str(sessions), "--size", str(size)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=ROOT)


def append(home: Path) -> None:
    """Appends one message to one session."""
    path = min(home.glob(".claude/projects/*/*.jsonl"))
    with path.open("a") as file:
        file.write(_line(path.stem, 1, "ffffffff-0000-4000-8000-000000000000", None, "one more"))


def measure(scratch: Path, make: Callable[[Path, float], None], scale: float) -> dict[str, Cost]:
    """Makes a home and measures each command on it."""
    home = scratch / "home"
    make(home, scale)
    ctx = Ctx(Scratch(scratch / "ctx"), home)
    ctx.init()
    found = {"snapshot, the first": ctx.snapshot(), "snapshot, no change": ctx.snapshot()}
    append(home)
    found["snapshot, one message more"] = ctx.snapshot()
    ref = min(home.glob(".claude/projects/*/*.jsonl")).stem
    for command in (
        ["log"],
        ["log", ref],
        ["diff", f"{ref}~1", ref],
        ["refs", ref],
        ["gc"],
        ["check"],
        ["check", "--read-data"],
        ["gc", "--recompress"],
        ["checkout", "--all", "--to", str(scratch / "back")],
    ):
        name = " ".join(command).replace(ref, "REF").replace(str(scratch / "back"), "DIR")
        found[name] = ctx.ctx(*command)
        print(f"  {name:30} {show(found[name])}", file=sys.stderr, flush=True)
    return found


def show(cost: Cost) -> str:
    return f"{cost.seconds:.2f} s, {cost.memory / 1e6:.0f} MB"


KINDS = {"a million messages": make_messages, "100,000 contexts": make_contexts, "5 GB": make_bytes}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ceilings", description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="a share of the full sizes (1)")
    parser.add_argument("--only", choices=[*KINDS], help="one of the three")
    options = parser.parse_args(arguments)
    results = {}
    for name, make in KINDS.items():
        if options.only in (None, name):
            print(name, file=sys.stderr, flush=True)
            with tempfile.TemporaryDirectory(prefix="ctxstore-ceilings-") as folder:
                results[name] = measure(Path(folder), make, options.scale)
    print("| |", " | ".join(results), "|")
    print("|---" * (len(results) + 1) + "|")
    for command in next(iter(results.values())):
        print(f"| `ctx {command}` |", " | ".join(show(found[command]) for found in results.values()), "|")


if __name__ == "__main__":
    main()
