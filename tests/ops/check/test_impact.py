"""The impact of damage that a check reports: contexts, commits, files, messages and memories.

A check reads as much data as it is asked to.
"""

from __future__ import annotations

import random
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import ctxstore
from ctxstore.errors import InvalidInput
from ctxstore.ops.check import impact
from ctxstore.ops.check.check import CheckReport
from ctxstore.ops.check.impact import DamagedPlace
from ctxstore.ops.check.subset import Subset, parse_subset
from ctxstore.packs.frames import unpack_frame
from ctxstore.packs.names import PackInfo, make_name
from ctxstore.packs.reader import find_footer
from ctxstore.storage.local import LocalStorage


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 0x10
    path.write_bytes(data)


def pack_made_by(place: Path, make: Any) -> Path:
    before = set((place / "packs").iterdir())
    make()
    (pack,) = set((place / "packs").iterdir()) - before
    return pack


def check(place: Path, **options: Any) -> CheckReport:
    with ctxstore.open(place) as fresh:
        return fresh.check(read_data=True, **options)


def places(report: CheckReport) -> set[tuple[str, DamagedPlace]]:
    return {place for problem in report.problems for place in problem.places}


def frame_of(place: Path, pack: Path, *, is_data: bool) -> int:
    """Finds the offset of the first frame with content, or of the first with structure only."""
    footer, _ = find_footer(LocalStorage(str(place)), f"packs/{pack.name}")
    return next(frame.offset for frame in footer.frames if frame.is_data == is_data)


@pytest.fixture
def grown(repo: ctxstore.Repo, place: Path) -> Path:
    """A context of three commits. The path is the second commit's pack, with 50,000 bytes, 20 messages and a memory."""
    content = random.Random(1).randbytes(100_000)
    draft = repo.edit("chat/a")
    draft.files.put("f", content)
    draft.messages.extend({"n": n, "data": random.Random(n).randbytes(99).hex()} for n in range(20))
    draft.commit()

    def grow() -> None:
        draft.files.put("f", content + random.Random(2).randbytes(50_000))
        draft.messages.extend({"n": n, "data": random.Random(n).randbytes(99).hex()} for n in range(20, 40))
        draft.memories["key"] = random.Random(3).randbytes(200).hex()
        draft.commit()

    pack = pack_made_by(place, grow)
    draft.memories["small"] = 1
    draft.commit()
    return pack


def test_damaged_content_names_the_bytes_messages_and_memories_that_need_it(grown: Path, place: Path) -> None:
    flip(grown, frame_of(place, grown, is_data=True) + 100)
    report = check(place)
    found = places(report)
    assert {ref for ref, _ in found} == {"chat/a"}
    ranges = sorted((p.start, p.stop) for _, p in found if p.kind == "file")
    assert ranges[-1][1] == 150_000 and 80_000 < ranges[0][0] <= 100_000
    assert all(stop == start for (_, stop), (start, _) in pairwise(ranges))
    assert {p.start for _, p in found if p.kind == "messages"} == set(range(20, 40))
    assert {p.path for _, p in found if p.kind == "memory"} == {"key"}
    with ctxstore.open(place) as fresh:
        hit = {stored.id for stored in fresh.log("chat/a")} - {list(fresh.log("chat/a"))[-1].id}
    assert {id for problem in report.problems for id in problem.commits} == hit
    assert {problem.commit_count for problem in report.problems if problem.places} == {2}


def test_a_context_is_named_as_it_is_called_now(grown: Path, repo: ctxstore.Repo, place: Path) -> None:
    repo.rename("chat/a", "chat/renamed")
    flip(grown, frame_of(place, grown, is_data=True) + 100)
    assert {ref for problem in check(place).problems for ref in problem.refs} == {"chat/renamed"}


def test_damaged_structure_names_what_cannot_be_reached(repo: ctxstore.Repo, place: Path) -> None:
    draft = repo.edit("chat/a")

    def many() -> None:
        for number in range(500):
            draft.files.put(f"f{number:03}", random.Random(number).randbytes(100))
        draft.commit()

    pack = pack_made_by(place, many)
    draft.files.put("f000", b"changed")
    second = draft.commit().id
    flip(pack, frame_of(place, pack, is_data=False) + 50)
    report = check(place)
    found = {place for p in report.problems if second in p.commits for _, place in p.places}
    assert {place.kind for place in found} == {"tree"}
    assert {place.path for place in found} < {f"f{number:03}" for number in range(500)}
    assert any(p.what.startswith("commit ") and p.refs == ("chat/a",) for p in report.problems)


def test_commits_and_places_are_counted_beyond_a_cap(grown: Path, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(impact, "CAP", 1)
    monkeypatch.setattr("ctxstore.ops.check.check.CAP", 1)
    flip(grown, frame_of(place, grown, is_data=True) + 100)
    problems = [p for p in check(place).problems if p.places]
    assert problems and all(len(p.commits) == 1 and p.commit_count == 2 for p in problems)


def test_damage_of_a_forgotten_commits_tree_is_no_problem(grown: Path, repo: ctxstore.Repo, place: Path) -> None:
    from ctxstore.history.forgotten import Forgotten
    from ctxstore.history.transaction import transaction

    first, second = list(repo.log("chat/a"))[-1], list(repo.log("chat/a"))[1]
    draft = repo.edit("chat/a")
    draft.files.remove("f")
    del draft.messages[:], draft.memories["key"]
    draft.commit()
    third = list(repo.log("chat/a"))[1]
    with transaction(repo._engine) as tx:
        tx.forget({stored.id: Forgotten(1, "test") for stored in (first, second, third)})
        tx.publish([], "forget")
    flip(grown, frame_of(place, grown, is_data=True) + 100)
    assert [problem.kind for problem in check(place).problems] == ["pack"]


def test_an_object_that_another_pack_has_is_not_missing(grown: Path, repo: ctxstore.Repo, place: Path) -> None:
    from ctxstore.history.transaction import transaction

    storage = LocalStorage(str(place))
    footer, _ = find_footer(storage, f"packs/{grown.name}")
    frame = footer.frames[0]
    _, raw = unpack_frame(storage.get(f"packs/{grown.name}", frame.offset, frame.stored))
    with transaction(repo._engine) as tx:
        start = 0
        for i in range(frame.objects):
            stop = start + footer.lengths[i]
            tx.writer.add(footer.kinds[i], footer.ids[32 * i : 32 * i + 32], raw[start:stop])
            start = stop
        tx.publish([], "copy")
    flip(grown, frame.offset + 100)
    assert [problem.kind for problem in check(place).problems] == ["pack"]


def test_leftover_files_are_counted_and_no_problem(grown: Path, place: Path) -> None:
    assert check(place).leftover == 0
    (place / "packs" / make_name(0, lambda n: b"x" * n)).write_bytes(b"what a writer that died left")
    report = check(place)
    assert report.leftover == 1 and report.problems == ()


def packs_of(sizes: list[int]) -> list[PackInfo]:
    names = random.Random(5)
    return [PackInfo(make_name(0, names.randbytes), size, 50, 1, 1) for size in sizes]


@pytest.mark.parametrize("slices", [1, 2, 7, 1000])
def test_slices_cover_every_pack_once(slices: int) -> None:
    packs = packs_of([10] * 200)
    chosen = [parse_subset(f"{n}/{slices}").choose(packs, random.randbytes) for n in range(1, slices + 1)]
    assert sum(map(len, chosen)) == 200
    assert set().union(*chosen) == {pack.name for pack in packs}


def test_a_pack_stays_in_its_slice_when_others_come() -> None:
    packs = packs_of([10] * 50)
    subset = Subset(number=2, slices=3)
    assert subset.choose(packs[:20], random.randbytes) <= subset.choose(packs, random.randbytes)


def test_a_share_is_of_bytes_at_random_and_the_same_for_the_same_randomness() -> None:
    packs = packs_of([100] * 90 + [1] * 1000)
    chosen = [parse_subset("10%").choose(packs, random.Random(seed).randbytes) for seed in (1, 1, 2)]
    assert chosen[0] == chosen[1] != chosen[2]
    for names in chosen:
        assert 1000 <= sum(pack.size for pack in packs if pack.name in names) < 1100
    assert parse_subset("100%").choose(packs, random.randbytes) == {pack.name for pack in packs}


@pytest.mark.parametrize(
    "text", ["", "5", "0%", "101%", "%", "-5%", "nan%", "0/3", "4/3", "1/0", "1/", "a/b", "5% ", "1/2/3"]
)
def test_what_is_no_subset_is_refused(text: str, repo: ctxstore.Repo) -> None:
    with pytest.raises(InvalidInput) as raised:
        repo.check(read_data=True, subset=text)
    assert "5%" in raised.value.hint


def test_a_subset_reads_less_and_still_checks_the_structure(grown: Path, place: Path) -> None:
    whole = check(place)
    parts = [check(place, subset=f"{n}/3") for n in (1, 2, 3)]
    assert sum(part.bytes_read for part in parts) == whole.bytes_read
    assert {part.commits for part in parts} == {3}


def test_what_a_check_found_damaged_is_kept_once_more_by_the_next_commit(
    grown: Path, repo: ctxstore.Repo, place: Path
) -> None:
    content = repo.view("chat/a").read("f")
    flip(grown, frame_of(place, grown, is_data=True) + 100)
    with ctxstore.open(place) as fresh:
        assert fresh.check(read_data=True).problems
        draft = fresh.edit("chat/b")
        draft.files.put("f", content)
        draft.commit()
    with ctxstore.open(place) as fresh:
        assert fresh.view("chat/b").read("f") == content == fresh.view("chat/a").read("f")
