"""Every byte of a repository flipped three ways, every file truncated to every length, missing, or exchanged.

A file may come from the same repository, from an earlier state, or from another repository. Every read returns the
right data or raises a typed error, within bounded time and memory.
"""

from __future__ import annotations

import resource
import signal
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

import pytest

from ctxstore.errors import CtxstoreError, NotFound
from ctxstore.ids import Kind, ObjectId
from ctxstore.objects.store import ObjectStore
from ctxstore.ops.repair.execute import RepairReport, repair_repository
from ctxstore.ops.repair.plan import RepairOptions
from ctxstore.packs.location import Location
from ctxstore.repo.repository import Repo
from tests.faults.damaged import (
    ROOT,
    Case,
    Values,
    World,
    build,
    environment,
    iter_cases,
    open_values,
    read_names,
    readable,
)

SHARDS = 12
SECONDS = 20
MEMORY = 48 << 20
GROWTH = 256 << 10
"""The KiB that a process may grow by in a shard. SQLite, zstd and Python keep that much; no claimed length is
allocated."""

LEAST_CASES = 60_000
CHECKED = 4
"""The fraction of unreadable cases that are also checked: one of so many. A check must find the damage, too."""

REPAIRED = 40
"""The fraction of cases that are also repaired: one of so many."""


@contextmanager
def limited(case: Case) -> Iterator[None]:
    def stop(*_: Any) -> None:
        raise TimeoutError(f"{case.what}: it hangs")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def worlds() -> tuple[World, World]:
    return build(0), build(1)


def test_there_are_enough_cases() -> None:
    world, other = worlds()
    assert 10_000 <= sum(map(len, world.files.values())) <= 20_000
    assert sum(1 for _ in iter_cases(world, other)) >= LEAST_CASES
    whole = readable(open_values(world.files), world)
    assert {id for id, _ in whole} == world.contents.keys()
    assert open_values(world.files).check(read_data=True).problems == ()


def look(case: Case, world: World, *, to_check: bool) -> str:
    """Reads everything, checks a repository that reads well, and returns the outcome. Fails on wrong data."""
    try:
        repo = open_values(case.apply(world))
    except CtxstoreError:
        return "not opened"
    is_hurt = read_everything(repo, case, world)
    if is_hurt and not to_check:
        return "damaged"
    try:
        problems = repo.check(read_data=True).problems
    except CtxstoreError:
        return "check refused"
    assert not is_hurt or problems or is_rolled_back(case), f"{case.what}: check saw nothing"
    return "damaged" if is_hurt else "found by check only" if problems else "no harm"


def is_rolled_back(case: Case) -> bool:
    return case.key == ROOT and case.change[0] in ("replace", "swap")


def read_everything(repo: Repo, case: Case, world: World) -> bool:
    """Whether something is missing. Asserts that everything else is right."""
    is_hurt = False
    try:
        refs, logs = read_names(repo)
        if not is_rolled_back(case):
            assert refs == world.refs and logs == world.logs, case.what
        else:
            known = set().union(*world.logs.values())
            assert set().union(*logs.values()) <= known or "another" in case.what, case.what
    except CtxstoreError:
        is_hurt = True
    found = readable(repo, world)
    for (id, part), value in found.items():
        assert value == world.contents[id][part], f"{case.what}: {part} of {id[:8]} is wrong"
    return is_hurt or len(found) < sum(map(len, world.contents.values()))


@pytest.mark.slow
@pytest.mark.parametrize("shard", range(SHARDS))
def test_damage_gives_right_data_or_a_typed_error(shard: int) -> None:
    world, other = worlds()
    outcomes: Counter[str] = Counter()
    start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number, case in enumerate(islice(iter_cases(world, other), shard, None, SHARDS)):
        with limited(case):
            if number % 100:
                outcomes[look(case, world, to_check=number % CHECKED == 1)] += 1
                continue
            tracemalloc.start()
            try:
                outcomes[look(case, world, to_check=True)] += 1
                assert tracemalloc.get_traced_memory()[1] < MEMORY, case.what
            finally:
                tracemalloc.stop()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - start < GROWTH
    assert outcomes["damaged"] > sum(outcomes.values()) / 4
    print(dict(outcomes))


def test_a_reader_that_does_not_hash_what_it_reads_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    world, _ = worlds()

    def read(self: ObjectStore, location: Location, id: ObjectId, kind: Kind) -> bytes:
        raw = self._frames.raw(location.pack, location.frame, location.stored)
        return raw[location.start : location.start + location.length]

    monkeypatch.setattr("ctxstore.packs.frames.frame_check", lambda header, payload: header.check)
    monkeypatch.setattr(ObjectStore, "_read_verified", read)
    pack = max(world.files, key=lambda key: len(world.files[key]))
    wrong = 0
    for at in range(40, len(world.files[pack]), 50):
        try:
            look(Case(f"byte {at}", pack, ("flip", at, 1)), world, to_check=False)
        except AssertionError:
            wrong += 1
    assert wrong > 10


def test_damage_in_one_pack_hides_only_what_lies_there() -> None:
    """Every part outside the damaged frame is read, whichever byte is damaged."""
    world, _ = worlds()
    packs = sorted(key for key in world.files if key.startswith("packs/"))
    whole = len(readable(open_values(world.files), world))
    for key in packs:
        for at in range(0, len(world.files[key]), 97):
            repo = open_values(Case("", key, ("flip", at, 0x10)).apply(world))
            found = readable(repo, world)
            others = {id for id, _ in readable(open_values(Case("", key, ("missing",)).apply(world)), world)}
            assert others <= {id for id, _ in found}
            assert len(found) <= whole


class Pristine:
    """The repository before the damage."""

    name = "a copy"

    def __init__(self, world: World) -> None:
        self._store = open_values(world.files)._engine.store

    def find(self, id: ObjectId, kind: Kind) -> bytes | None:
        try:
            return self._store.get(id, kind)
        except NotFound:
            return None


def mended(case: Case, world: World, options: RepairOptions) -> tuple[Values, RepairReport]:
    storage = Values(case.apply(world))
    report = repair_repository(storage, environment(7), options)
    again = repair_repository(storage, environment(8), options)
    assert again.did_nothing, (case.what, again)
    return storage, report


@pytest.mark.slow
@pytest.mark.parametrize("shard", range(4))
def test_a_repair_makes_nothing_worse_and_mends_what_can_be_mended(shard: int) -> None:
    world, other = worlds()
    for case in islice(iter_cases(world, other), shard * REPAIRED, None, REPAIRED * 4):
        with limited(case):
            before = readable_now(case.apply(world), world)
            storage, report = mended(case, world, RepairOptions())
            repo = open_values(storage.values())
            after = readable(repo, world)
            for (id, part), value in after.items():
                assert value == world.contents[id][part], f"{case.what}: {part} of {id[:8]} is wrong"
            assert before.keys() <= after.keys(), case.what
            assert report.problems or not repo.check(read_data=True).problems, case.what
            if not report.problems and not is_rolled_back(case):
                assert is_complete(after, world) or any(pack.lost != 0 for pack in report.packs), case.what


@pytest.mark.slow
@pytest.mark.parametrize("shard", range(4))
def test_a_repair_with_a_copy_at_hand_brings_everything_back(shard: int) -> None:
    world, other = worlds()
    copy = Pristine(world)
    for case in islice(iter_cases(world, other), shard * REPAIRED + 7, None, REPAIRED * 4):
        with limited(case):
            storage, report = mended(case, world, RepairOptions([copy]))
            repo = open_values(storage.values())
            assert report.problems == () and repo.check(read_data=True).problems == (), case.what
            if not is_rolled_back(case):
                assert is_complete(readable(repo, world), world), case.what
                assert read_names(repo) == (world.refs, world.logs), case.what


def readable_now(files: dict[str, bytes], world: World) -> dict[tuple[str, str], Any]:
    try:
        return readable(open_values(files), world)
    except CtxstoreError:
        return {}


def is_complete(found: dict[tuple[str, str], Any], world: World) -> bool:
    return len(found) == sum(map(len, world.contents.values()))
