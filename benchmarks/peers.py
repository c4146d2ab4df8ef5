"""A comparison of ctx with git, restic and borg in one run: `python -m benchmarks.peers`."""

from __future__ import annotations

import argparse
import resource
import shutil
import sys
import tempfile
from pathlib import Path

from . import report
from .peer import Peer
from .results import Results
from .tools import TOOLS
from .workload import Bench, bench_corpus, bench_home, bench_large, make_home, warm

# Sessions and bytes of the generated homes.
HOME = (1200, 300_000_000)
QUICK = (120, 30_000_000)
LARGE = (6000, 1_500_000_000)


def chosen_tools(names: str | None) -> tuple[type[Peer], ...]:
    """Returns the requested tools that are installed, and prints which are not."""
    wanted = names.split(",") if names else [tool.name for tool in TOOLS]
    unknown = set(wanted) - {tool.name for tool in TOOLS}
    if unknown:
        sys.exit(f"no such tool: {', '.join(sorted(unknown))}; there are {', '.join(t.name for t in TOOLS)}")
    tools = tuple(tool for tool in TOOLS if tool.name in wanted)
    for tool in tools:
        if shutil.which(tool.program) is None:
            print(f"{tool.name}: {tool.program} not found, left out", file=sys.stderr)
    found = tuple(tool for tool in tools if shutil.which(tool.program))
    return found or sys.exit("none of the tools is installed")


def measure(bench: Bench, options: argparse.Namespace) -> None:
    """Makes all runs. In each run the tools take turns, so that a slow minute of the machine affects all of them."""
    sessions, size = QUICK if options.quick else HOME
    if not options.no_home:
        home = make_home(bench, sessions=sessions, size=size)
        for turn in range(options.runs):
            bench_home(bench, home, turn)
        shutil.rmtree(home)
    if options.corpus:
        warm(options.corpus)
        for turn in range(options.runs):
            bench_corpus(bench, options.corpus, options.batches, turn)
    if options.large:
        home = make_home(bench, sessions=LARGE[0], size=LARGE[1])
        for turn in range(options.runs):
            bench_large(bench, home, turn)


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a home of 30 MB in place of 300 MB")
    parser.add_argument("--runs", type=int, default=3, help="the median of this many (3)")
    parser.add_argument("--only", metavar="NAMES", help="tools, with commas between")
    parser.add_argument("--no-home", action="store_true", help="leave the generated home out")
    parser.add_argument("--corpus", type=Path, help="a corpus to play back: steps.json and blobs/")
    parser.add_argument("--batches", type=int, default=40, help="snapshots of the corpus (40)")
    parser.add_argument("--large", action="store_true", help="also a home of 1.5 GB")
    parser.add_argument("--scratch", type=Path, help="make the scratch folder in this one")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything measured")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the table (.svg or .png)")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    options = parse(arguments)
    results = Results()
    results.facts["runs"] = options.runs
    # The measured memory of a process is at least that of the process that starts it: see `measure.run`.
    results.facts["least memory that can be seen"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory(prefix="bench-", dir=options.scratch) as scratch:
        measure(Bench(chosen_tools(options.only), Path(scratch), results, say), options)
    print(report.table(results))
    if options.json:
        options.json.write_text(report.document(results))
    if options.plot:
        report.plot(results, options.plot)


if __name__ == "__main__":
    main()
