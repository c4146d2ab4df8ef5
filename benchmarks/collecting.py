"""Measurements of gc at ten million objects: ``python -m benchmarks.collecting [OBJECTS]``.

The repository is synthetic: contexts of native messages with random, tiny records. It is written directly through the
lower layers, which takes minutes instead of hours. The measured call is the real `repo.gc()`, in a separate process.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time

import ctxstore
from ctxstore.history.commits import Commit, Summary, write_commit
from ctxstore.history.forgotten import Forgotten
from ctxstore.history.transaction import Move, transaction
from ctxstore.ids import Kind
from ctxstore.repo.repository import Repo
from ctxstore.trees.entries import MESSAGES, ListEntry, encode_entry
from ctxstore.trees.lists import RECORDS, leaf, new_list, total_size

MESSAGES_EACH = 10_000
STEPS = ("first", "nothing new", "one commit more", "a third forgotten")


def build(place: str, objects: int) -> None:
    """Creates a repository of contexts with `MESSAGES_EACH` records each.

    Each context has two commits. The first one has half as many records, and shares none with the second.
    """
    with ctxstore.init(place) as repo:
        for number in range(max(1, objects // (MESSAGES_EACH * 3 // 2))):
            _write_context(repo, f"bench/{number:05}")


def _write_context(repo: Repo, name: str) -> None:
    engine = repo._engine
    with transaction(engine) as tx:
        parent = None
        for length in (MESSAGES_EACH // 2, MESSAGES_EACH):
            builder = new_list(RECORDS, tx.writer)
            for _ in range(length):
                data = b"\x50" + os.urandom(16)
                id = engine.keys.id_of(Kind.RECORD, data)
                tx.writer.add(Kind.RECORD, id, data)
                builder.push(leaf(id, len(data)))
            root = builder.finish()
            view = builder.view(tx.writer, root)
            entry = encode_entry(ListEntry(root, view.count, total_size(view)))
            tree = engine.maps.create(tx.writer, {MESSAGES: entry})
            parents = (parent,) if parent else ()
            commit = Commit(
                tree, parents, len(parents), time.time_ns(), engine.environment.author, name, summary=Summary()
            )
            parent = write_commit(tx.writer, commit)
        tx.publish([Move(name, None, parent)], "benchmark")


def measure(place: str, step: str) -> dict[str, float]:
    """Runs one gc in this process. Returns its seconds, its peak memory in MB, and the MB that it freed."""
    with ctxstore.open(place) as repo:
        if step == "one commit more":
            with repo.edit("bench/more") as draft:
                draft.messages.append("one more")
                draft.commit()
        if step == "a third forgotten":
            _forget_parents(repo)
        started = time.perf_counter()
        result = repo.gc()
        seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": round(seconds, 2), "peak_mb": round(peak), "freed_mb": round(result.freed_now / 1e6, 1)}


def _forget_parents(repo: Repo) -> None:
    parents = [stored.commit.parents[0] for _, stored in repo.refs("bench/0") if stored.commit.parents]
    with transaction(repo._engine) as tx:
        tx.forget({id: Forgotten(time.time_ns(), "benchmark") for id in parents})
        tx.publish([], "forget")


def main() -> None:
    """Builds the repository, then measures every step in a separate process."""
    if len(sys.argv) > 2:
        place, step = sys.argv[1:]
        if step in STEPS:
            print(json.dumps(measure(place, step)))
        else:
            build(place, int(step))
        return
    objects = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000
    with tempfile.TemporaryDirectory(prefix="ctxstore-gc-") as folder:
        place = os.path.join(folder, "store")
        started = time.perf_counter()
        # Built in a child process, because the measured peak memory of later children is at least that of this process.
        subprocess.run([sys.executable, "-m", "benchmarks.collecting", place, str(objects)], check=True)
        with ctxstore.open(place) as repo:
            found = repo.stats()
        print(f"{found.objects:,} objects, {found.stored_bytes / 1e6:,.0f} MB, built in", end=" ")
        print(f"{time.perf_counter() - started:.0f} s")
        for step in STEPS:
            command = [sys.executable, "-m", "benchmarks.collecting", place, step]
            print(f"{step:20}", subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip())


if __name__ == "__main__":
    main()
