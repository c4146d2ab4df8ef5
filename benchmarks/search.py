"""Measurements of searching a large home: `python -m benchmarks.search`.

They cover the size of the index, the rate of indexing, queries, and updates of the index.
"""

from __future__ import annotations

import argparse
import json
import resource
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from .home import MB, append, generate
from .measure import median, size_of
from .peer import Scratch
from .tools import Ctx

MESSAGES = 200_000
# The bytes of transcript per message with words, in the generated home.
BYTES_EACH = 5_650
RUNS = 5
# The targets: seconds per query, and size of the index divided by that of the text.
LIMIT_SECONDS, LIMIT_RATIO = 0.1, 0.4

QUERIES = {
    "a rare word": "report_segment 2921",
    "a common word": "the",
    "two common words": "the config",
    "a phrase": '"the config"',
    "an identifier": "sort_journals",
    "a prefix": "pars*",
    "a prefix of one letter": "a*",
    "without a word": "test -config",
    "either": "kubectl OR harbour OR config",
    "a word of one context": "--context grove config",
    "a word of one role": "--role user config",
    "a word of a time": "--since 2026-03-20 config",
    "no hit": "xyzzyplugh",
}


class Figure(NamedTuple):
    """A measured value, its name, unit and limit. `processor` is the processor time of it, in the same unit."""

    what: str
    value: float
    unit: str
    limit: float | None = None
    processor: float | None = None

    def __str__(self) -> str:
        met = "" if self.limit is None else "  met" if self.value <= self.limit else "  MISSED"
        busy = "" if self.processor is None else f" (processor {self.processor:,.1f})"
        return f"{self.what:56}{self.value:12,.3f} {self.unit}{busy}{met}"


class Times(NamedTuple):
    """The elapsed time and the processor time, in milliseconds."""

    clock: float
    processor: float


def timed(once: Callable[[], object], *, children: bool = False) -> Times:
    """Measures a call. With `children`, counts the processor time of the child processes that it waited for."""
    clock, processor = time.perf_counter(), _processor(children)
    once()
    return Times((time.perf_counter() - clock) * 1000, (_processor(children) - processor) * 1000)


def _processor(children: bool) -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN if children else resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def median_of(times: Sequence[Times]) -> Times:
    """Returns the median of each kind of time."""
    return Times(median(each.clock for each in times), median(each.processor for each in times))


def text_size(repository: Path) -> tuple[int, int]:
    """Reads all messages. Returns the number of those with words, and the bytes of their texts."""
    import ctxstore
    from ctxstore.ops.search.tokens import searched_text

    messages = size = 0
    with ctxstore.open(repository) as repo:
        for name, _ in repo.refs():
            for message in repo.messages(name):
                text = searched_text(message)
                messages += bool(text.strip())
                size += len(text.encode("utf-8", "replace"))
    return messages, size


def query_times(repository: Path, words: list[str]) -> Times:
    """Measures the query alone, in a running process: SQLite, the commits, the messages and their snippets."""
    import ctxstore
    from ctxstore.ops.search.find import SearchFilters

    options = {words[at][2:]: words[at + 1] for at in range(0, len(words) - 1, 2) if words[at].startswith("--")}
    text = " ".join(words[2 * len(options) :])
    since = options.pop("since", None)
    roles = (options.pop("role"),) if "role" in options else ()
    filters = SearchFilters(**options, roles=roles, since=_start(since))
    times = []
    for _ in range(RUNS):
        with ctxstore.open(repository) as repo:
            times.append(timed(lambda repo=repo: repo.search(text, filters)))
    return median_of(times)


def _start(since: str | None) -> int | None:
    from ctxstore.times import parse_start

    return None if since is None else parse_start(since, time.time_ns())


def measure(folder: Path, messages: int) -> Iterator[Figure]:
    """Yields all figures, one by one."""
    home, repository = folder / "saved", folder / "repository"
    size = generate(home, sessions=messages // 45, size=messages * BYTES_EACH)
    ctx = Ctx(Scratch(folder), home)
    ctx.init()
    ctx.ctx("-q", "snapshot", "claude-code")
    found, text = text_size(repository)
    yield Figure("transcripts", size / MB, "MB")
    yield Figure("messages with words", found, "")
    yield Figure("their text", text / MB, "MB")
    costs = []
    built = timed(lambda: costs.append(ctx.ctx("-q", "search", "--index")), children=True)
    index = size_of(repository / "cache" / "search.sqlite")
    yield Figure("index made", built.clock / 1000, "s", processor=built.processor / 1000)
    yield Figure("… transcripts for a second of a processor", size / MB / built.processor * 1000, "MB/s")
    yield Figure("… peak memory", costs[0].memory / MB, "MB")
    yield Figure("index", index / MB, "MB")
    yield Figure("index beside the text", index / text, "", LIMIT_RATIO)
    yield Figure("index beside the repository", index / size_of(repository / "packs"), "")
    for what, words in QUERIES.items():
        clock, processor = query_times(repository, words.split())
        yield Figure(f"query: {what} ({words})", clock, "ms", LIMIT_SECONDS * 1000, processor)
    whole = median_of([timed(lambda: ctx.ctx("search", "config"), children=True) for _ in range(RUNS)])
    yield Figure("the whole command `ctx search config`", whole.clock, "ms", processor=whole.processor)
    appended = append(home)
    ctx.ctx("-q", "snapshot", "claude-code")
    update = timed(lambda: ctx.ctx("-q", "search", "config"), children=True)
    what = f"`ctx search` after {appended / MB:.1f} MB were appended to 3 %"
    yield Figure(what, update.clock, "ms", processor=update.processor)
    grown = size_of(repository / "cache" / "search.sqlite")
    yield Figure("index after that", grown / MB, "MB")


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.search", description=__doc__)
    parser.add_argument("--messages", type=int, default=MESSAGES)
    parser.add_argument("--scratch", type=Path, help="make the scratch folder in this one: a real disk")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args(arguments)
    print(f"SQLite {sqlite3.sqlite_version}")
    figures = []
    with tempfile.TemporaryDirectory(prefix="bench-", dir=options.scratch) as folder:
        for figure in measure(Path(folder), options.messages):
            print(figure, flush=True)
            figures.append(figure._asdict())
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
