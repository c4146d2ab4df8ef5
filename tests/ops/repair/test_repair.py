"""Repairs. They save every readable object, restore the newest state, use other sources, and name the losses.

A repair deletes nothing, and a second one changes nothing.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import ctxstore
from ctxstore.errors import Corrupt, NoSpace, NotFound, UnknownFormat
from ctxstore.history.commits import Commit, write_commit
from ctxstore.history.engine import real_environment
from ctxstore.history.root import decode_root
from ctxstore.history.transaction import Move, transaction
from ctxstore.ops.repair.execute import RepairReport, plan_repair
from ctxstore.ops.repair.plan import RepairOptions
from ctxstore.packs.format import FRAME_HEADER, PACK_MAGIC
from ctxstore.packs.names import make_name
from ctxstore.packs.reader import find_footer
from ctxstore.repo.repair import repair
from ctxstore.storage.local import LocalStorage
from ctxstore.trees.entries import FileEntry, encode_entry
from ctxstore.trees.files import write_content


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 0x10
    path.write_bytes(data)


def contents(place: Path) -> dict[str, Any]:
    """Reads everything that can be read, by commit."""
    found = {}
    with ctxstore.open(place) as repo:
        for ref, _ in repo.refs():
            for stored in repo.log(ref):
                view = repo.view(stored.id.hex())
                files = {path: view.read(path) for path in view.files if path != "folder"}
                found[stored.id.hex()] = (list(view.messages), dict(view.memories), files)
    return found


def refs(place: Path) -> dict[str, str]:
    with ctxstore.open(place) as repo:
        return {name: stored.id.hex() for name, stored in repo.refs()}


def problems(place: Path) -> tuple[Any, ...]:
    with ctxstore.open(place) as repo:
        return repo.check(read_data=True).problems


def mend(place: Path, **options: Any) -> RepairReport:
    """Repairs the repository, and asserts that a second repair has nothing to do."""
    report = repair(place, **options)
    assert repair(place, **options).did_nothing
    if not report.problems:
        assert problems(place) == ()
    return report


class Made:
    """Three contexts of two commits each, with every commit in a pack of its own."""

    def __init__(self, repo: ctxstore.Repo, place: Path) -> None:
        self.packs: list[Path] = []
        self.ids: list[str] = []
        for number in range(6):
            before = set((place / "packs").iterdir())
            draft = repo.edit(f"chat/{'abc'[number % 3]}")
            noise = random.Random(number)
            draft.messages.extend({"n": n, "data": noise.randbytes(90).hex()} for n in range(20))
            draft.files.put("f", noise.randbytes(40_000))
            draft.memories[f"k{number}"] = noise.randbytes(90).hex()
            self.ids.append(draft.commit().id.hex())
            (pack,) = set((place / "packs").iterdir()) - before
            self.packs.append(pack)
        repo.close()
        self.contents = contents(place)
        self.refs = refs(place)


@pytest.fixture
def made(repo: ctxstore.Repo, place: Path) -> Made:
    return Made(repo, place)


@pytest.fixture
def copy(made: Made, place: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(place, tmp_path / "copy"))


def content_frame(pack: Path) -> int:
    return len(PACK_MAGIC) + FRAME_HEADER + 100


def structure_frame(place: Path, pack: Path) -> int:
    footer, _ = find_footer(LocalStorage(str(place)), f"packs/{pack.name}")
    return next(frame.offset for frame in footer.frames if not frame.is_data) + 40


# -- nothing to do


def test_a_sound_repository_is_left_as_it_is(
    made: Made, place: Path, stored_files: Callable[[Path], dict[str, bytes]]
) -> None:
    before = stored_files(place)
    report = mend(place)
    assert report.did_nothing and report.executed and report.problems == ()
    assert stored_files(place) == before


def test_there_must_be_a_repository(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        repair(tmp_path / "none")
    (tmp_path / "folder").mkdir()
    with pytest.raises(NotFound):
        repair(tmp_path / "folder")
    assert list((tmp_path / "folder").iterdir()) == []


@pytest.mark.parametrize("newer", [("root", "root.old"), ("root",)], ids=["all of it", "all but the root before"])
def test_a_newer_releases_repository_is_left_alone(made: Made, place: Path, newer: tuple[str, ...]) -> None:
    config = (place / "config").read_text().replace('"format": 1', '"format": 2')
    (place / "config").write_text(config)
    for name in newer:
        data = (place / name).read_bytes()
        (place / name).write_bytes(data[:7] + b"\x02" + data[8:])
    with pytest.raises(UnknownFormat):
        repair(place)
    assert (place / "config").read_text() == config


# -- the root and the config


@pytest.mark.parametrize("old", [True, False], ids=["with root.old", "without"])
@pytest.mark.parametrize("damage", ["missing", "flipped", "empty", "of another format"])
def test_a_lost_root_is_made_anew_as_it_was(made: Made, place: Path, damage: str, old: bool) -> None:
    root = place / "root"
    epoch = decode_root(root.read_bytes()).epoch
    if not old:
        (place / "root.old").unlink()
    if damage == "missing":
        root.unlink()
    elif damage == "flipped":
        flip(root, 40)
    elif damage == "empty":
        root.write_bytes(b"")
    else:
        flip(root, 7)
    with pytest.raises((Corrupt, UnknownFormat)) as raised:
        ctxstore.open(place)
    assert damage == "of another format" or "ctx repair" in raised.value.hint
    report = mend(place)
    assert report.root and report.problems == ()
    assert refs(place) == made.refs and contents(place) == made.contents
    assert decode_root(root.read_bytes()).epoch == epoch + 2
    assert damage == "missing" or (place / "quarantine" / "root.old").exists()


def test_a_lost_manifest_is_made_up_for_by_the_packs_there_are(
    repo: ctxstore.Repo, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ctxstore.history.root.INLINE_PACKS", 3)
    monkeypatch.setattr("ctxstore.history.root.RECENT_PACKS", 1)
    made = Made(repo, place)
    name = decode_root((place / "root").read_bytes()).manifest
    flip(place / "manifests" / str(name), 30)
    assert mend(place).root
    assert contents(place) == made.contents
    assert (place / "quarantine" / str(name)).exists()


@pytest.mark.parametrize("damage", ["missing", "damaged"])
def test_a_lost_config_is_made_anew(made: Made, place: Path, damage: str) -> None:
    if damage == "missing":
        (place / "config").unlink()
    else:
        (place / "config").write_bytes(b'{"ctxstore": "repo')
    with pytest.raises(Corrupt) as raised:
        ctxstore.open(place)
    assert "ctx repair" in raised.value.hint
    report = mend(place)
    assert report.config and not report.root and contents(place) == made.contents
    assert damage == "missing" or (place / "quarantine" / "config").exists()


def test_a_commit_whose_root_was_lost_with_it_is_found_in_its_pack(made: Made, place: Path) -> None:
    """The root is the one before, and the newest commit's pack is left over, as if the swap had been torn."""
    (place / "root").unlink()
    root = decode_root((place / "root.old").read_bytes())
    assert made.packs[-1].name not in {pack.name for pack in root.packs}
    mend(place)
    assert refs(place) == made.refs


def test_of_two_commits_after_the_last_known_root_both_are_taken(made: Made, place: Path) -> None:
    """A writer was killed before its swap while another continued. Then the root was lost."""
    kept = {path: path.read_bytes() for path in (place / "root", place / "root.old")}
    with ctxstore.open(place) as repo:
        draft = repo.edit("chat/a")
        draft.messages.append("never acknowledged, and complete")
        unacknowledged = draft.commit().id.hex()
    for path, data in kept.items():
        path.write_bytes(data)
    with ctxstore.open(place) as repo:
        draft = repo.edit("chat/b")
        draft.messages.append("acknowledged")
        acknowledged = draft.commit().id.hex()
    (place / "root").unlink()
    report = mend(place)
    assert refs(place) == made.refs | {"chat/a": unacknowledged, "chat/b": acknowledged}
    assert [change.ref for change in report.changes] in (["chat/a"], ["chat/b"])


def test_without_any_op_the_commits_themselves_say_what_was_newest(made: Made, place: Path) -> None:
    from ctxstore.ids import Kind
    from ctxstore.ops.repair import plan

    (place / "root").unlink()
    (place / "root.old").unlink()
    real = plan._Planner._ids_of
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan._Planner, "_ids_of", lambda self, kind: () if kind == Kind.OP else real(self, kind))
        repair(place)
    assert refs(place) == made.refs and contents(place) == made.contents


# -- packs


@pytest.mark.parametrize("damage", ["footer", "cut", "trailer", "start", "twice", "front lost", "frame header"])
def test_a_pack_whose_frames_are_whole_loses_nothing(made: Made, place: Path, damage: str) -> None:
    pack = made.packs[2]
    data = pack.read_bytes()
    if damage == "footer":
        flip(pack, len(data) - 60)
    elif damage == "cut":
        pack.write_bytes(data[:-100])
    elif damage == "trailer":
        flip(pack, len(data) - 1)
    elif damage == "start":
        flip(pack, 3)
    elif damage == "twice":
        pack.write_bytes(data + data)
    elif damage == "front lost":
        pack.write_bytes(data[5:])
    else:
        flip(pack, len(data) - 1)
        pack.write_bytes(b"noise" + pack.read_bytes())
    report = mend(place)
    assert [each.name for each in report.packs] == [pack.name] and report.problems == ()
    assert contents(place) == made.contents
    assert (place / "quarantine" / pack.name).exists() and not pack.exists()


def test_frames_after_a_damaged_one_are_found_without_a_footer(made: Made, place: Path) -> None:
    pack = made.packs[2]
    flip(pack, pack.stat().st_size - 1)
    flip(pack, len(PACK_MAGIC) + 13)  # the stored length in the first frame's header
    report = mend(place)
    assert report.packs[0].saved > 3 and report.packs[0].lost is None
    assert {place.kind for p in report.problems for _, place in p.places} == {"file", "messages", "memory"}
    assert {ref for p in report.problems for ref in p.refs} == {"chat/c"}


def test_damaged_content_is_named_and_everything_else_stays(made: Made, place: Path) -> None:
    pack = made.packs[3]
    flip(pack, content_frame(pack))
    report = mend(place)
    assert {ref for p in report.problems for ref in p.refs} == {"chat/a"}
    assert {id.hex() for p in report.problems for id in p.commits} == {made.ids[3]}
    assert {str(p) for p in problems(place)} == {str(p) for p in report.problems}
    with ctxstore.open(place) as repo:
        assert repo.view(made.ids[0]).read("f") == made.contents[made.ids[0]][2]["f"]
        assert list(repo.view("chat/a").messages[:20]) == made.contents[made.ids[0]][0]


def test_what_another_repository_has_is_taken_from_it(made: Made, place: Path, copy: Path) -> None:
    for pack in made.packs[:3]:
        flip(pack, content_frame(pack))
    made.packs[4].unlink()
    report = mend(place, others=[str(copy)])
    assert report.problems == () and sum(report.taken.values()) > 40
    assert contents(place) == made.contents and refs(place) == made.refs


def test_another_repository_that_cannot_be_read_is_an_error_and_nothing_happens(
    made: Made, place: Path, tmp_path: Path, stored_files: Callable[[Path], dict[str, bytes]]
) -> None:
    flip(made.packs[0], content_frame(made.packs[0]))
    before = stored_files(place)
    with pytest.raises(NotFound):
        repair(place, others=[str(tmp_path / "none")])
    assert stored_files(place) == before


def test_what_lies_in_quarantine_or_left_over_is_used(made: Made, place: Path) -> None:
    (place / "quarantine").mkdir()
    made.packs[1].rename(place / "quarantine" / made.packs[1].name)
    made.packs[2].rename(place / "packs" / make_name(0, lambda n: b"x" * n))
    assert {pack.problem for pack in mend(place).packs} == {"missing"}
    assert contents(place) == made.contents


# -- the history


@pytest.mark.parametrize("number", range(6))
def test_any_lost_pack_leaves_a_history_that_can_be_written_to_and_collected(
    made: Made, place: Path, number: int
) -> None:
    made.packs[number].unlink()
    report = repair(place, forget_damaged=True)
    assert [p.message for p in report.problems] == (
        ["the newest run is lost, with everything it saved"] if number == 5 else []
    )
    assert problems(place) == ()
    lost = made.ids[number]
    assert {id.hex() for id in report.forgotten} >= ({lost} if number < 5 else set())
    with ctxstore.open(place) as repo:
        repo.gc()
        for id, content in made.contents.items():
            if id != lost and id not in {id.hex() for id in report.forgotten}:
                assert list(repo.view(id).messages) == content[0]
        assert len(list(repo.ops())) >= 5
        draft = repo.edit("chat/a")
        draft.messages.append("goes on")
        draft.commit()
    assert problems(place) == ()
    assert repair(place).did_nothing


def test_a_damaged_newest_commit_goes_back_to_the_newest_whole_one(made: Made, place: Path) -> None:
    flip(made.packs[3], content_frame(made.packs[3]))
    report = mend(place, forget_damaged=True)
    assert report.problems == ()
    assert refs(place) == made.refs | {"chat/a": made.ids[0]}
    with ctxstore.open(place) as repo:
        (op,) = [op for _, op, _ in repo.ops() if op.command == "repair"]
        assert [(change.ref, change.old.hex()) for change in op.changes if change.old] == [("chat/a", made.ids[3])]
        assert "damaged" in repo._engine.forgotten(repo._engine.root()).find(bytes.fromhex(made.ids[3])).reason


@pytest.mark.parametrize("damage", ["content", "record"])
def test_a_renamed_context_and_a_fork_go_back_along_their_own_history(place: Path, damage: str) -> None:
    repo = ctxstore.init(place)
    ids = {number: _commit(repo, "chat/a", number) for number in range(2)}
    repo.fork("chat/a", "chat/fork")
    before = set((place / "packs").iterdir())
    lost = {name: _commit(repo, name, 2) for name in ("chat/a", "chat/fork")}
    packs = sorted(set((place / "packs").iterdir()) - before)
    _commit(repo, "chat/a", 3)
    repo.plan_undo().execute()  # newer than the damaged one, but no state of the context
    repo.rename("chat/a", "chat/renamed")
    repo.fork("chat/renamed", "chat/beside")
    repo.close()
    for pack in packs:
        flip(pack, content_frame(pack) if damage == "content" else structure_frame(place, pack))
    report = mend(place, forget_damaged=True)
    assert report.problems == () and set(lost.values()) <= {id.hex() for id in report.forgotten}
    assert refs(place) == {"chat/renamed": ids[1], "chat/fork": ids[1], "chat/beside": ids[1]}


def test_a_damaged_merge_goes_back_to_what_was_merged_into(place: Path) -> None:
    repo = ctxstore.init(place)
    lines = [f"{random.Random(n).randbytes(200).hex()}\n".encode() for n in range(200)]
    _put(repo, "chat/a", b"".join(lines))
    repo.fork("chat/a", "chat/b")
    ours = _put(repo, "chat/a", b"".join([*lines[:100], b"ours\n", *lines[101:]]))
    for number in range(3):
        theirs = _put(repo, "chat/b", b"".join([*lines[:102], f"theirs {number}\n".encode(), *lines[103:]]))
    before = set((place / "packs").iterdir())
    assert not repo.merge("chat/a", "chat/b", into="chat/a").conflicts
    (pack,) = set((place / "packs").iterdir()) - before
    repo.close()
    footer, _ = find_footer(LocalStorage(str(place)), f"packs/{pack.name}")
    (content,) = (frame.offset for frame in footer.frames if frame.is_data)
    flip(pack, content + 100)
    assert mend(place, forget_damaged=True).problems == ()
    assert refs(place) == {"chat/a": ours, "chat/b": theirs}


def _commit(repo: ctxstore.Repo, ref: str, number: int) -> str:
    return _put(repo, ref, random.Random(f"{ref} {number}").randbytes(40_000))


def _put(repo: ctxstore.Repo, ref: str, data: bytes) -> str:
    draft = repo.edit(ref)
    draft.files.put("f", data)
    return draft.commit().id.hex()


def test_without_being_told_nothing_is_forgotten(made: Made, place: Path) -> None:
    flip(made.packs[3], content_frame(made.packs[3]))
    assert mend(place).forgotten == ()
    assert refs(place) == made.refs


def test_a_tag_on_a_damaged_commit_is_kept_and_named(made: Made, place: Path) -> None:
    with ctxstore.open(place) as repo:
        repo.tag("mine", made.ids[3])
        repo.tag("yours", made.ids[3])
    flip(made.packs[3], content_frame(made.packs[3]))
    report = repair(place, forget_damaged=True)
    assert report.kept_tags == ("tag:mine", "tag:yours") and report.problems
    with ctxstore.open(place) as repo:
        repo.delete_tag("mine")
        repo.delete_tag("yours")
    assert repair(place, forget_damaged=True).problems == ()


def test_what_was_given_up_is_not_given_up_again(made: Made, place: Path) -> None:
    with ctxstore.open(place) as repo:
        repo.tag("mine", made.ids[3])
    flip(made.packs[3], content_frame(made.packs[3]))
    made.packs[1].unlink()
    assert made.ids[1] in {id.hex() for id in repair(place, forget_damaged=True).forgotten}
    assert repair(place, forget_damaged=True).forgotten == ()


# -- agents' files


def test_missing_content_is_taken_from_the_agents_own_files(
    place: Path, repo: ctxstore.Repo, snap: Any, home: Any, line: Any
) -> None:
    home.write("s", 200)
    snap(home)
    pack = max((place / "packs").iterdir(), key=lambda path: path.stat().st_size)
    home.append("s", *(line(i) for i in range(200, 300)))
    repo.close()
    flip(pack, content_frame(pack))
    assert any(p.kind == "object" for p in problems(place))
    before = home.transcript("s").read_bytes()
    report = mend(place)
    assert report.taken.keys() == {"the agents' files"} and report.problems == ()
    assert home.transcript("s").read_bytes() == before


def test_a_folders_content_comes_back_structure_and_all(
    place: Path, repo: ctxstore.Repo, snap: Any, folder_target: Any, tmp_path: Path
) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "big").write_bytes(random.Random(1).randbytes(2_000_000))
    snap(folder_target(folder))
    repo.close()
    packs = sorted((place / "packs").iterdir(), key=lambda path: path.stat().st_size)
    flip(packs[-1], content_frame(packs[-1]))
    assert mend(place).problems == ()
    (folder / "big").write_bytes(random.Random(1).randbytes(900_000))
    packs = sorted((place / "packs").iterdir(), key=lambda path: path.stat().st_size)
    flip(packs[-1], content_frame(packs[-1]))
    (hit,) = {ref for p in mend(place).problems for ref in p.refs}
    assert hit.startswith("directory/")


@pytest.mark.parametrize(("path", "is_read"), [("inside", True), ("../outside", False), ("x/../../outside", False)])
def test_no_file_outside_a_contexts_folder_is_read(place: Path, tmp_path: Path, path: str, is_read: bool) -> None:
    folder = tmp_path / "work"
    (folder / "x").mkdir(parents=True)
    data = random.Random(path).randbytes(20_000)
    (folder / path).write_bytes(data)
    repo = ctxstore.init(place)
    before = set((place / "packs").iterdir())
    _commit_file(repo, str(folder), path, data)
    (pack,) = set((place / "packs").iterdir()) - before
    repo.close()
    flip(pack, content_frame(pack))
    report = mend(place)
    assert bool(report.taken) is is_read and bool(report.problems) is not is_read


def _commit_file(repo: ctxstore.Repo, root: str, path: str, data: bytes) -> None:
    engine = repo._engine
    with transaction(engine) as tx:
        content = write_content(tx.writer, engine.chunker, [data])
        entry = FileEntry(0o644, 1, content.size, content.is_list, content.id)
        tree = engine.maps.create(tx.writer, {path.encode(): encode_entry(entry)})
        made = Commit(tree, (), 0, 1, engine.environment.author, "directory/w", source="directory", root=root)
        tx.publish([Move("directory/w", None, write_commit(tx.writer, made))], "test")


# -- carefully


def test_a_dry_run_writes_nothing_and_says_the_same(
    made: Made, place: Path, stored_files: Callable[[Path], dict[str, bytes]]
) -> None:
    flip(made.packs[3], content_frame(made.packs[3]))
    (place / "root").unlink()
    before = stored_files(place)
    planned = repair(place, dry_run=True)
    assert stored_files(place) == before and not planned.executed
    done = repair(place)
    assert done.executed and done[1:9] == planned[1:9] and done.problems == planned.problems


def test_a_repair_that_loses_the_race_looks_again(made: Made, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flip(made.packs[3], content_frame(made.packs[3]))
    real, commits = LocalStorage.swap, []

    def swap(self: LocalStorage, expected: bytes | None, new: bytes) -> None:
        if not commits:
            commits.append("")
            with ctxstore.open(place) as other:
                draft = other.edit("chat/b")
                draft.messages.append("meanwhile")
                commits.append(draft.commit().id.hex())
        real(self, expected, new)

    monkeypatch.setattr(LocalStorage, "swap", swap)
    assert repair(place).packs
    assert refs(place) == made.refs | {"chat/b": commits[1]}
    assert (place / "quarantine" / made.packs[3].name).exists()


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_repair_takes_nothing_for_missing_that_others_merge_away_while_it_looks(
    made: Made, place: Path, monkeypatch: pytest.MonkeyPatch, dry_run: bool
) -> None:
    real, left = LocalStorage.get, [3]

    def get(self: LocalStorage, key: str, offset: int = 0, length: int | None = None) -> bytes:
        if key.startswith("packs/") and left[0]:
            left[0] -= 1
            if not left[0]:
                with ctxstore.open(place) as repo:
                    repo.gc(recompress=True)
        return real(self, key, offset, length)

    monkeypatch.setattr(LocalStorage, "get", get)
    report = repair(place, dry_run=dry_run)
    assert left == [0]
    assert report.did_nothing
    assert problems(place) == ()


def test_a_full_disk_stops_a_repair_and_loses_nothing(made: Made, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flip(made.packs[3], content_frame(made.packs[3]))
    before = {path.name: path.read_bytes() for path in (place / "packs").iterdir()}
    root = (place / "root").read_bytes()

    def create(self: LocalStorage, key: str) -> Any:
        raise NoSpace("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(LocalStorage, "create", create)
        with pytest.raises(NoSpace):
            repair(place)
    assert {path.name: path.read_bytes() for path in (place / "packs").iterdir()} == before
    assert (place / "root").read_bytes() == root
    mend(place)


def test_a_file_that_names_an_impossible_epoch_does_no_harm(made: Made, place: Path) -> None:
    (place / "packs" / f"ffffffff-{'0' * 32}").write_bytes(b"")
    (place / "root").unlink()
    mend(place)
    assert contents(place) == made.contents


def test_caches_are_thrown_away(made: Made, place: Path) -> None:
    (place / "cache" / "index.sqlite").write_bytes(b"nonsense")
    flip(made.packs[3], content_frame(made.packs[3]))
    repair(place)
    assert list((place / "cache").iterdir()) == []


def test_a_writer_from_before_cannot_publish_on_a_root_made_anew(made: Made, place: Path) -> None:
    with ctxstore.open(place) as before:
        draft = before.edit("chat/a")
        draft.messages.append("on its way")
        (place / "root").unlink()
        repair(place)
        assert draft.commit().commit.ref == "chat/a"  # it restarted on the new root
    assert problems(place) == ()


def test_what_may_be_read_only_with_permission_is_not_taken_for_damage(
    made: Made, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ctxstore.errors import StorageError

    def get(self: LocalStorage, key: str, offset: int = 0, length: int | None = None) -> bytes:
        if key.endswith(made.packs[3].name):
            raise StorageError("permission denied") from PermissionError(13, "no")
        return real(self, key, offset, length)

    real = LocalStorage.get
    monkeypatch.setattr(LocalStorage, "get", get)
    with pytest.raises(StorageError):
        plan_repair(LocalStorage(str(place)), real_environment(), RepairOptions())


def test_a_bad_sector_costs_the_frame_it_is_in(made: Made, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ctxstore.errors import StorageError

    bad = content_frame(made.packs[3])
    real = LocalStorage.get

    def get(self: LocalStorage, key: str, offset: int = 0, length: int | None = None) -> bytes:
        if key.endswith(made.packs[3].name) and offset <= bad < offset + (length or 1 << 40):
            raise StorageError("it can't be read") from OSError(5, "EIO")
        return real(self, key, offset, length)

    monkeypatch.setattr(LocalStorage, "get", get)
    report = repair(place)
    assert [(pack.name, bool(pack.saved), bool(pack.lost)) for pack in report.packs] == [
        (made.packs[3].name, True, True)
    ]
