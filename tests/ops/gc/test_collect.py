"""Garbage collection. It deletes everything unreachable, and nothing else."""

from __future__ import annotations

import random
import threading

import pytest

import ctxstore
from ctxstore.errors import Corrupt, NotFound
from ctxstore.history.forgotten import Forgotten
from ctxstore.history.transaction import MustRestart, transaction
from ctxstore.ids import Kind
from ctxstore.objects.encoding import encode_record
from ctxstore.ops.gc import collect, mark
from ctxstore.storage.local import LocalStorage


def crash_a_writer(repo, size=100_000):
    """Leaves the pack of a writer that ended before its swap."""
    engine = repo._engine
    with transaction(engine) as tx:
        tx.writer.put(Kind.RECORD, random.Random(size).randbytes(size))
        return [pack.key for pack in tx.writer.flush()]


def contents(repo):
    """Reads every file, message and memory of every commit."""
    found = {}
    for ref, head in repo.refs():
        for id, commit in repo.log(ref):
            view = repo.view(id.hex())
            for path, entry in view.files.items():
                data = view.read(path) if hasattr(entry, "is_list") else None
                found[ref, id, path] = (entry, data)
            found[ref, id, None] = (list(view.messages), dict(view.memories), commit)
        assert head.id == repo.find_ref(ref)
    return found


@pytest.fixture
def filled(home, repo, line):
    """A repository with a history of sessions and of a program's context."""
    for number in range(12):
        home.append("one", line(number)) if number else home.write("one", 1)
        home.add("file-history/one/x@v1", random.Random(number).randbytes(30_000))
        home.write(f"s{number}", 3)
        repo.snapshot([home.target])
    draft = repo.edit("chat/alice")
    for number in range(30):
        draft.messages.append({"n": number, "text": "x" * number})
        draft.memories[f"k{number % 7}"] = number
        draft.commit()
    return repo


def test_the_pack_of_a_crashed_writer_is_swept_when_nobody_else_writes(filled, place, is_sound):
    (orphan,) = crash_a_writer(filled)
    assert (place / orphan).exists()
    before = contents(filled)
    result = filled.gc()
    assert not (place / orphan).exists()
    assert result.freed_now >= 100_000
    assert (result.freed_later, result.reason) == (0, "")
    assert result.bytes_after == sum(p.stat().st_size for f in ("packs", "manifests") for p in (place / f).iterdir())
    assert contents(filled) == before
    assert is_sound(filled)


def test_the_pack_of_a_crashed_writer_is_kept_while_another_writer_is_there(filled, place):
    (orphan,) = crash_a_writer(filled)
    with LocalStorage(str(place)).presence():
        result = filled.gc()
        assert (place / orphan).exists()
        assert result.freed_later >= 100_000
        assert result.reason
    filled.gc()
    assert not (place / orphan).exists()


def test_the_pack_of_a_writer_at_work_survives_a_collection(filled, place, is_sound):
    with transaction(ctxstore.open(place)._engine) as tx:
        id = tx.writer.put(Kind.RECORD, b"x" * 1000)
        tx.writer.flush()
        with ctxstore.open(place) as other:
            other.gc()
        assert tx.writer.get(id, Kind.RECORD) == b"x" * 1000
        tx.publish([], "test")
    assert is_sound(filled)


def test_strange_files_among_the_packs_are_left_until_alone(filled, place):
    (place / "packs" / "notes.txt").write_bytes(b"?")
    with LocalStorage(str(place)).presence():
        filled.gc()
        assert (place / "packs" / "notes.txt").exists()


def test_a_plan_writes_nothing(filled, place, stored_files):
    crash_a_writer(filled)
    before = stored_files(place)
    for recompress in (False, True):
        plan = filled.plan_gc(recompress=recompress)
        assert not plan.is_empty
        assert len(plan.litter) == 1
        assert plan.live > 0
    assert stored_files(place) == before


def test_a_second_collection_has_nothing_to_do(filled, place, stored_files):
    filled.gc()
    before = stored_files(place)
    assert filled.plan_gc().is_empty
    result = filled.gc()
    assert (result.freed_now, result.bytes_before) == (0, result.bytes_after)
    assert stored_files(place) == before


@pytest.mark.parametrize("recompress", [False, True])
def test_every_state_is_byte_identical_afterwards(filled, place, is_sound, recompress):
    before = contents(filled)
    filled.gc(recompress=recompress)
    assert contents(filled) == before
    assert is_sound(filled)
    with ctxstore.open(place) as fresh:
        assert contents(fresh) == before
        assert fresh.gc(recompress=recompress).bytes_after > 0
        assert contents(fresh) == before


def test_recompressing_makes_many_packs_few(filled, place):
    packs = len(list((place / "packs").iterdir()))
    result = filled.gc(recompress=True)
    assert len(list((place / "packs").iterdir())) < packs
    assert result.bytes_after < result.bytes_before


def test_commits_that_only_ops_remember_are_kept(repo):
    draft = repo.edit("chat/alice")
    draft.messages.append("kept")
    first = draft.commit()
    repo.set_ref("chat/alice", None, expected=first.id)
    repo.gc()
    assert list(repo.view(first.id.hex()).messages) == ["kept"]
    repo.set_ref("chat/alice", first.id, expected=None)
    assert list(repo.view("chat/alice").messages) == ["kept"]


def test_ops_commits_with_equal_beginnings_are_all_kept(repo, monkeypatch):
    monkeypatch.setattr(collect, "SPARSE", 2.0)
    dropped = []
    for number in range(20):
        draft = repo.edit(f"chat/{number}")
        draft.messages.append(number)
        dropped.append(draft.commit().id)
    for number, id in enumerate(dropped):
        repo.set_ref(f"chat/{number}", None, expected=id)
    repo.gc()
    assert [repo.view(id.hex()).messages[0] for id in dropped] == list(range(20))


def test_sparse_packs_are_rewritten_and_dead_ones_removed(repo, place, monkeypatch, is_sound):
    draft = repo.edit("chat/alice")
    draft.messages.append("kept")
    draft.commit()
    with transaction(repo._engine) as tx:
        tx.writer.put(Kind.RECORD, random.Random(1).randbytes(200_000))
        kept = tx.writer.put(Kind.RECORD, b"something")
        tx.publish([], "test")
    plan = repo.plan_gc()
    assert plan.dead >= 1
    assert plan.frees > 150_000
    result = plan.execute()
    assert result.freed_now > 150_000
    assert not repo._engine.store.has(kept)
    assert list(repo.view("chat/alice").messages) == ["kept"]
    assert is_sound(repo)


def leave_dead(repo, data=None):
    """Writes an unreachable object into a live pack."""
    data = random.Random(1).randbytes(200_000) if data is None else data
    with transaction(repo._engine) as tx:
        id = tx.writer.put(Kind.RECORD, data)
        tx.publish([], "test")
    return id


def test_a_plan_still_stands_when_others_commit(filled, place, is_sound):
    dead = leave_dead(filled)
    plan = filled.plan_gc()
    draft = filled.edit("chat/bob")
    draft.messages.append("new")
    draft.commit()
    plan.execute()
    assert not filled._engine.store.has(dead)
    assert list(filled.view("chat/bob").messages) == ["new"]
    assert is_sound(filled)


def test_a_plan_is_refused_when_a_commit_took_up_what_it_would_drop(filled, place, is_sound):
    text = "x" * 200_000
    leave_dead(filled, encode_record(text))
    plan = filled.plan_gc()
    assert plan.dead
    draft = filled.edit("chat/bob")
    draft.messages.append(text)
    draft.commit()
    with pytest.raises(MustRestart):
        plan.execute()
    filled.gc()
    assert list(filled.view("chat/bob").messages) == [text]
    assert is_sound(filled)


def test_a_plan_is_refused_when_a_commit_was_forgotten_meanwhile(filled, is_sound):
    leave_dead(filled)
    plan = filled.plan_gc()
    forget(filled, "chat/alice~3")
    with pytest.raises(MustRestart):
        plan.execute()
    assert is_sound(filled)


def forget(repo, *revisions):
    """Forgets commits."""
    ids = [repo.resolve(rev).id for rev in revisions]
    with transaction(repo._engine) as tx:
        tx.forget({id: Forgotten(1, "a test") for id in ids})
        tx.publish([], "forget")
    return ids


def test_the_tree_of_a_forgotten_commit_is_collected_and_its_record_stays(repo, is_sound):
    draft = repo.edit("chat/alice")
    for number in range(4):
        draft.files.put("big", random.Random(number).randbytes(100_000))
        draft.commit(f"turn {number}")
    (id,) = forget(repo, "chat/alice~2")
    assert repo.view(id.hex()).read("big") == random.Random(1).randbytes(100_000)
    result = repo.gc()
    assert 95_000 < result.freed_now < 110_000
    assert [stored.commit.note for stored in repo.log("chat/alice")] == [f"turn {n}" for n in (3, 2, 1, 0)]
    with pytest.raises(NotFound, match="was forgotten"):
        repo.view(id.hex())
    assert repo.view("chat/alice~3").read("big") == random.Random(0).randbytes(100_000)
    assert is_sound(repo)


def test_a_fork_of_a_forgotten_commit_brings_it_back(repo, is_sound):
    draft = repo.edit("chat/alice")
    for number in range(3):
        draft.files.put("big", random.Random(number).randbytes(100_000))
        draft.commit()
    (id,) = forget(repo, "chat/alice~1")
    repo.fork(id.hex(), "chat/again")
    repo.gc()
    assert repo.view("chat/again").read("big") == random.Random(1).randbytes(100_000)
    assert id not in repo._engine.forgotten(repo._engine.root())
    assert is_sound(repo)


def test_a_forgotten_commit_that_was_collected_can_not_be_brought_back(repo, is_sound):
    draft = repo.edit("chat/alice")
    for number in range(3):
        draft.files.put("big", random.Random(number).randbytes(100_000))
        draft.commit()
    (id,) = forget(repo, "chat/alice~1")
    repo.gc()
    with pytest.raises(NotFound, match="collected"):
        repo.fork(id.hex(), "chat/again")
    with pytest.raises(NotFound):
        repo.edit("chat/other", parent=id.hex())
    assert is_sound(repo)


@pytest.mark.parametrize("with_gc", [False, True])
def test_a_draft_whose_parent_is_forgotten_under_it_loses_nothing(repo, place, is_sound, with_gc):
    draft = repo.edit("chat/alice")
    for number in range(3):
        draft.files.put("big", random.Random(number).randbytes(100_000))
        draft.commit()
    branch = repo.edit("chat/branch", parent="chat/alice~1")
    branch.messages.append("new")
    with ctxstore.open(place) as other:
        forget(other, "chat/alice~1")
        if with_gc:
            other.gc()
    if with_gc:
        with pytest.raises(NotFound):
            branch.commit()
    else:
        branch.commit()
        repo.gc()
        assert repo.view("chat/branch").read("big") == random.Random(1).randbytes(100_000)
    assert is_sound(repo)


def test_nothing_is_marked_when_nothing_can_be_dead(filled, monkeypatch):
    filled.gc()
    monkeypatch.setattr(collect, "GcPlan", None)
    assert filled.gc().freed_now == 0


def test_a_head_is_kept_whatever_the_map_of_forgotten_commits_says(repo, is_sound):
    draft = repo.edit("chat/alice")
    draft.files.put("big", random.Random(0).randbytes(100_000))
    draft.commit()
    forget(repo, "chat/alice")
    repo.gc()
    assert repo.view("chat/alice").read("big") == random.Random(0).randbytes(100_000)
    assert is_sound(repo)


def test_a_collection_tries_its_swap_again_while_others_commit(filled, place, is_sound, monkeypatch):
    real, left = collect.advanced, [3]

    def advanced(root, now):
        if left[0]:
            left[0] -= 1
            with ctxstore.open(place) as other:
                draft = other.edit("chat/other")
                draft.messages.append(left[0])
                draft.commit()
        return real(root, now)

    monkeypatch.setattr(collect, "advanced", advanced)
    filled.gc(recompress=True)
    assert left == [0]
    assert list(filled.view("chat/other").messages) == [2, 1, 0]
    assert is_sound(filled)


def test_packs_merged_away_while_a_collection_plans_are_no_error(filled, place, is_sound, monkeypatch):
    real, left = mark.read_footer, [2]

    def read_footer(storage, pack):
        if left[0]:
            left[0] -= 1
            with ctxstore.open(place) as other:
                draft = other.edit("chat/other")
                for number in range(10):  # enough to fill a tier: they are merged and the sources deleted
                    draft.messages.append(number)
                    draft.commit()
        return real(storage, pack)

    monkeypatch.setattr(mark, "read_footer", read_footer)
    filled.gc()
    assert len(filled.view("chat/other").messages) == 20
    assert is_sound(filled)


def test_collections_and_commits_at_once_lose_nothing(filled, place, is_sound):
    stop, failures = threading.Event(), []

    def write(name):
        try:
            with ctxstore.open(place) as own:
                draft = own.edit(name)
                for number in range(60):
                    draft.messages.append({"n": number, "data": "y" * 300})
                    draft.commit()
        except BaseException as error:
            failures.append(error)

    def collect():
        try:
            with ctxstore.open(place) as own:
                while not stop.is_set():
                    try:
                        own.gc(recompress=True)
                    except MustRestart:
                        continue
        except BaseException as error:
            failures.append(error)

    collector = threading.Thread(target=collect)
    writers = [threading.Thread(target=write, args=(f"chat/w{i}",)) for i in range(2)]
    for thread in (collector, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    collector.join()
    assert failures == []
    for number in range(2):
        assert [m["n"] for m in filled.view(f"chat/w{number}").messages] == list(range(60))
    assert is_sound(filled)


def test_what_cannot_be_followed_is_not_collected(filled, place, stored_files):
    filled.gc(recompress=True)
    (pack,) = (place / "packs").iterdir()
    data = bytearray(pack.read_bytes())
    for at in range(8, len(data) - 100, 997):
        data[at] ^= 1
    pack.write_bytes(data)
    before = stored_files(place)
    with ctxstore.open(place) as fresh, pytest.raises(Corrupt):
        fresh.plan_gc()
    assert stored_files(place) == before


def test_stats_count_what_there_is(filled, place):
    found = filled.stats()
    refs = list(filled.refs())
    assert found.contexts == len(refs) == 14
    assert found.commits == len({id for ref, _ in refs for id, _ in filled.log(ref)})
    assert found.ops == len(list(filled.ops())) == 12 + 30
    assert found.packs == len(list((place / "packs").iterdir()))
    assert found.stored_bytes == sum(path.stat().st_size for path in (place / "packs").iterdir())
    assert found.versions_bytes == sum(c.summary.bytes for ref, _ in refs for _, c in filled.log(ref))
    assert found.biggest[0][1] == max(head.commit.summary.bytes for _, head in refs)
    assert found.dedup_ratio > 0
    assert found.compression_ratio > 0


def test_stats_of_an_empty_repository(repo):
    found = repo.stats()
    assert (found.contexts, found.commits, found.ops, found.versions_bytes, found.biggest) == (0, 0, 0, 0, ())


def test_a_writer_need_not_wait_while_packs_are_rewritten(tmp_path, monkeypatch):
    with ctxstore.init(tmp_path / "store") as repo, repo.edit("a/b") as draft:
        draft.messages.append({"role": "user", "content": "x" * 5000})
        draft.commit()
        plan = repo.plan_gc(recompress=True)
        copy = plan._copy

        def copy_while_another_is_present(packs, progress):
            other = LocalStorage(repo.path)
            with other.presence():
                return copy(packs, progress)

        monkeypatch.setattr(plan, "_copy", copy_while_another_is_present)
        plan.execute()
        assert repo.check(read_data=True).problems == ()


def test_a_thread_that_commits_need_not_wait_for_one_that_collects(tmp_path, monkeypatch):
    with ctxstore.init(tmp_path / "store") as repo, repo.edit("a/b") as draft:
        draft.messages.append({"role": "user", "content": "x" * 5000})
        draft.commit()
        plan = repo.plan_gc(recompress=True)
        copy = plan._copy

        def commit():
            draft.messages.append("meanwhile")
            draft.commit()

        def copy_while_another_commits(packs, progress):
            made = copy(packs, progress)
            thread = threading.Thread(target=commit, daemon=True)
            thread.start()
            thread.join(30)
            assert not thread.is_alive()
            assert all(repo._engine.store.index.find_pack(id) not in {pack.name for pack in made} for id in ids)
            return made

        ids = [repo.resolve("a/b").id]
        monkeypatch.setattr(plan, "_copy", copy_while_another_commits)
        plan.execute()
        assert repo.view("a/b").messages[-1] == "meanwhile"
        assert repo.check(read_data=True).problems == ()


@pytest.mark.parametrize("lie", ["missing", "wrong place"])
def test_recompressing_loses_nothing_when_the_index_is_wrong(tmp_path, monkeypatch, lie):
    with ctxstore.init(tmp_path / "store") as repo, repo.edit("a/b") as draft:
        draft.messages.extend([{"role": "user", "content": f"{n} " * 50} for n in range(40)])
        draft.files.put("f", random.Random(1).randbytes(200_000))
        draft.commit()
        plan = repo.plan_gc(recompress=True)
        index = repo._engine.store.index
        find = index.find

        def lying_find(id):
            location = find(id)
            if location is None or id[0] % 2:
                return location
            return None if lie == "missing" else location._replace(length=location.length - 1)

        monkeypatch.setattr(index, "find", lying_find)
        plan.execute()
        monkeypatch.undo()
        assert repo.check(read_data=True).problems == ()
        assert len(repo.view("a/b").messages[:]) == 40
        assert repo.view("a/b").read("f") == random.Random(1).randbytes(200_000)


def test_what_stays_in_packs_that_are_mostly_used_is_told(repo):
    draft = repo.edit("chat/alice")
    draft.files.put("kept", random.Random(1).randbytes(900_000))
    draft.files.put("gone", random.Random(2).randbytes(150_000))
    draft.commit()
    draft.files.remove("gone")
    draft.commit()
    forget(repo, "chat/alice~1")
    result = repo.gc()
    assert result.freed_now < 10_000
    assert 140_000 < result.freed_later < 160_000
    assert "--recompress" in result.reason
    assert repo.gc(recompress=True).freed_now > 140_000
