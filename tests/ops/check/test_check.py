"""Checks of a repository. They find damage anywhere, and name the contexts it affects."""

from __future__ import annotations

import random
import shutil

import pytest

import ctxstore
from ctxstore.errors import CtxstoreError
from ctxstore.ops.check import check as check_module
from ctxstore.packs.format import FRAME_HEADER, PACK_MAGIC, TRAILER


def pack_of(place, make):
    """Finds the pack that `make` adds."""
    before = set((place / "packs").iterdir())
    make()
    (pack,) = set((place / "packs").iterdir()) - before
    return pack


@pytest.fixture
def packs(repo, place):
    """The pairs (ref, pack) of three contexts, each in a pack of its own."""
    made = []
    for number, ref in enumerate(("chat/a", "chat/b", "chat/c")):

        def commit(number=number, ref=ref):
            draft = repo.edit(ref)
            for i in range(20):
                draft.messages.append({"n": i, "data": random.Random(number * 100 + i).randbytes(200).hex()})
            draft.files.put("f", random.Random(number).randbytes(50_000))
            draft.memories["k"] = "v" * 200
            draft.commit()

        made.append((ref, pack_of(place, commit)))
    return made


def check(place, **options):
    with ctxstore.open(place) as fresh:
        return fresh.check(**options)


def flip(path, at):
    data = bytearray(path.read_bytes())
    data[at] ^= 0x10
    path.write_bytes(data)


def test_a_sound_repository_has_no_problems(packs, place):
    for read_data in (False, True):
        report = check(place, read_data=read_data)
        assert report.problems == ()
        assert report.commits == 3
        assert report.packs == 4
        assert report.objects > 60
    stored = sum(path.stat().st_size for path in (place / "packs").iterdir())
    assert stored / 2 < report.bytes_read < stored
    assert check(place).bytes_read == 0


def test_a_check_writes_nothing(packs, place, stored_files):
    before = stored_files(place)
    check(place, read_data=True)
    assert stored_files(place) == before


REGIONS = {
    "magic": 2,
    "frame header": len(PACK_MAGIC) + 1,
    "frame check": len(PACK_MAGIC) + FRAME_HEADER - 1,
    "start of a frame": len(PACK_MAGIC) + FRAME_HEADER,
    "middle": 0.5,
    "footer": -TRAILER - 10,
    "footer length": -TRAILER + 1,
    "footer check": -TRAILER + 10,
    "last byte": -1,
}


@pytest.mark.parametrize("region", REGIONS.values(), ids=REGIONS.keys())
def test_a_flipped_byte_is_found_in_every_region(packs, place, region):
    _, pack = packs[1]
    size = pack.stat().st_size
    flip(pack, int(size * region) if isinstance(region, float) else region % size)
    problems = check(place, read_data=True).problems
    assert any(pack.name in problem.what for problem in problems)


def test_any_flipped_byte_is_found(packs, place):
    _, pack = packs[1]
    data = pack.read_bytes()
    for at in range(0, len(data), max(1, len(data) // 60)):
        flip(pack, at)
        assert check(place, read_data=True).problems != (), f"byte {at} of {len(data)}"
        pack.write_bytes(data)
    assert check(place, read_data=True).problems == ()


def test_damaged_content_names_the_refs_it_hits(packs, place):
    ref, pack = packs[1]
    flip(pack, len(PACK_MAGIC) + FRAME_HEADER + 100)
    problems = check(place, read_data=True).problems
    assert {name for problem in problems for name in problem.refs} == {ref}
    assert {problem.kind for problem in problems} == {"pack", "object"}


def test_a_truncated_pack_is_found(packs, place):
    _, pack = packs[1]
    size = pack.stat().st_size
    for left in (0, 5, size // 2, size - 1):
        data = pack.read_bytes()
        pack.write_bytes(data[:left])
        assert any(pack.name == problem.what for problem in check(place).problems)
        pack.write_bytes(data)


def test_a_pack_with_bytes_added_is_found(packs, place):
    _, pack = packs[1]
    with pack.open("ab") as file:
        file.write(b"x")
    assert any(pack.name == problem.what for problem in check(place).problems)


def test_a_missing_pack_is_found(packs, place):
    _, pack = packs[1]
    pack.unlink()
    assert any(pack.name == problem.what for problem in check(place).problems)


def test_swapped_packs_are_found(packs, place, tmp_path):
    (_, one), (_, other) = packs[0], packs[2]
    shutil.copy(one, tmp_path / "kept")
    shutil.copy(other, one)
    shutil.copy(tmp_path / "kept", other)
    assert {one.name, other.name} <= {problem.what for problem in check(place, read_data=True).problems}


@pytest.mark.parametrize("region", ["content", "structure"])
def test_damage_in_one_pack_leaves_other_contexts_readable(packs, place, region):
    _, pack = packs[1]
    size = pack.stat().st_size
    # Content comes first, structure last.
    flip(pack, len(PACK_MAGIC) + FRAME_HEADER + 100 if region == "content" else size - TRAILER - size // 12)
    for ref in ("chat/a", "chat/c"):
        with ctxstore.open(place) as fresh:
            assert len(list(fresh.view(ref).messages)) == 20
            assert len(fresh.view(ref).read("f")) == 50_000
    if region == "content":
        with ctxstore.open(place) as fresh, pytest.raises(CtxstoreError):
            list(fresh.view("chat/b").messages)


@pytest.mark.parametrize("damage", ["missing", "truncated", "footer"])
def test_a_pack_that_cannot_be_opened_leaves_other_contexts_readable(packs, place, damage):
    _, pack = packs[0]
    if damage == "missing":
        pack.unlink()
    elif damage == "truncated":
        pack.write_bytes(pack.read_bytes()[:100])
    else:
        flip(pack, pack.stat().st_size - TRAILER - 10)
    # The last pack contains the newest state of the refs, so that the refs of the other packs can be found.
    with ctxstore.open(place) as fresh:
        assert len(list(fresh.view("chat/c").messages)) == 20
        assert len(fresh.view("chat/c").read("f")) == 50_000
    with ctxstore.open(place) as fresh, pytest.raises(CtxstoreError):
        list(fresh.view("chat/a").messages)


def test_a_context_can_still_be_written_when_another_is_damaged(packs, place):
    _, pack = packs[0]
    flip(pack, len(PACK_MAGIC) + FRAME_HEADER + 100)
    with ctxstore.open(place) as fresh:
        draft = fresh.edit("chat/c")
        draft.messages.append("more")
        draft.commit()
        assert len(fresh.view("chat/c").messages) == 21


def test_others_that_write_during_a_check_are_no_problem(packs, place, monkeypatch):
    real, left = check_module.read_footer, [2]

    def read_footer(storage, pack):
        if left[0]:
            left[0] -= 1
            with ctxstore.open(place) as other:
                draft = other.edit("chat/other")
                for number in range(10):  # enough to fill a tier: they are merged and the sources deleted
                    draft.messages.append({"n": number, "left": left[0]})
                    draft.commit()
        return real(storage, pack)

    monkeypatch.setattr(check_module, "read_footer", read_footer)
    for read_data in (False, True):
        left[0] = 2
        report = check(place, read_data=read_data)
        assert left == [0]
        assert report.problems == ()
