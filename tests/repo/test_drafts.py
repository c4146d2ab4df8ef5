"""Memories, files, commits and refs that a program writes, at every revision."""

from __future__ import annotations

import errno
import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ctxstore
from ctxstore.errors import AlreadyExists, CtxstoreError, InvalidInput, NotFound, RefMoved, StorageError
from ctxstore.history.commits import Author
from ctxstore.storage.files import Files
from ctxstore.trees.entries import MEMORIES

SLOW = settings(deadline=None, max_examples=50, suppress_health_check=list(HealthCheck))

keys = st.sampled_from([f"k{i}" for i in range(40)] + ["", "é", "\ud800", "a/b", "/"])
steps = st.one_of(
    st.tuples(st.just("set"), keys, st.integers(0, 5) | st.text(min_size=90, max_size=110)),
    st.tuples(st.just("delete"), keys),
    st.tuples(st.just("pop"), keys),
    st.tuples(st.just("setdefault"), keys),
    st.tuples(st.just("update"), st.dictionaries(keys, st.integers(), max_size=30)),
    st.tuples(st.just("clear")),
    st.tuples(st.just("commit")),
)


def act(memories, kind, *arguments):
    """Returns the result of a step, or that it is refused."""
    try:
        if kind == "set":
            memories[arguments[0]] = arguments[1]
        elif kind == "delete":
            del memories[arguments[0]]
        elif kind == "setdefault":
            return memories.setdefault(arguments[0], 7)
        else:
            return getattr(memories, kind)(*arguments)
    except KeyError:
        return KeyError
    return None


@given(steps=st.lists(steps, max_size=25))
@SLOW
def test_memories_are_a_dict_whatever_is_done_to_them(steps):
    with ctxstore.init("memory:") as repo:
        draft, model, committed = repo.edit("chat/a"), {}, []
        for kind, *arguments in steps:
            if kind == "commit":
                draft.commit()
                committed.append(dict(model))
                continue
            assert act(draft.memories, kind, *arguments) == act(model, kind, *arguments)
            assert dict(draft.memories) == model
            assert len(draft.memories) == len(model)
        draft.commit()
        committed.append(model)
        for (id, commit), expected in zip(repo.log("chat/a"), reversed(committed), strict=True):
            found = repo.view(id.hex()).memories
            assert dict(found) == expected
            assert list(found) == sorted(expected, key=lambda key: key.encode("utf-8", "surrogatepass"))
            assert (len(found), commit.summary.memories) == (len(expected), len(expected))
        other = repo.edit("chat/rebuilt")
        other.memories.update(model)
        other.commit()
        entry = repo.view("chat/a").find_native(MEMORIES)
        if model:
            assert entry == repo.view("chat/rebuilt").find_native(MEMORIES)


def test_files_are_put_and_removed(any_repo):
    draft = any_repo.edit("chat/a")
    draft.files.put("a.txt", b"1", mode=0o600, mtime_ns=5)
    draft.files.put("src/b.py", (block for block in (b"print", b"()")))
    draft.files.put("empty", b"")
    draft.files.put("large", bytearray(300_000))
    draft.files.put("view", memoryview(b"xyz")[1:])
    first = draft.commit()
    draft.files.remove("a.txt")
    draft.files.remove("never/there")
    draft.files.put("src/b.py", b"other")
    second = draft.commit()
    view = any_repo.view(first.id.hex())
    assert list(view.files) == ["a.txt", "empty", "large", "src/b.py", "view"]
    assert (view.get_file("a.txt").mode, view.get_file("a.txt").mtime_ns) == (0o600, 5)
    contents = {path: view.read(path) for path in view.files}
    assert contents == {"a.txt": b"1", "src/b.py": b"print()", "empty": b"", "large": bytes(300_000), "view": b"yz"}
    assert (first.commit.summary.files, first.commit.summary.bytes) == (5, 1 + 7 + 300_000 + 2)
    assert list(any_repo.view("chat/a").files) == ["empty", "large", "src/b.py", "view"]
    assert (second.commit.summary.files, second.commit.summary.bytes) == (4, 5 + 300_000 + 2)
    assert b"".join(view.iter_bytes("large", 5, 10)) == bytes(5)
    with pytest.raises(NotFound):
        view.read("nope")
    assert "/messages" not in view.files


def test_a_commit_keeps_its_note_title_agent_model_and_author(any_repo):
    draft = any_repo.edit("chat/a")
    draft.messages.append("x")
    author = Author("ada", "engine", "weaver")
    first = draft.commit("a note", title="T\ud800", agent="A", model="M", author=author)
    assert (first.commit.note, first.commit.author, first.commit.ref) == ("a note", author, "chat/a")
    second = draft.commit(title="Other")
    assert second.commit.summary[:3] == ("Other", "A", "M")
    assert second.commit.parents == (first.id,)
    assert second.commit.generation == 1
    assert any_repo.resolve("chat/a") == ("chat/a", second.id, second.commit)


def test_a_draft_may_start_at_an_older_revision(any_repo):
    draft = any_repo.edit("chat/a")
    commits = []
    for number in range(5):
        draft.messages.append(number)
        commits.append(draft.commit())
    again = any_repo.edit("chat/a", parent="chat/a~3")
    assert again.parent == commits[1]
    again.messages.append("another way")
    made = again.commit()
    assert made.commit.parents == (commits[1].id,)
    assert list(any_repo.view("chat/a").messages) == [0, 1, "another way"]
    assert list(any_repo.view(commits[4].id.hex()).messages) == [0, 1, 2, 3, 4]
    with pytest.raises(NotFound):
        any_repo.edit("chat/a", parent="nothing")


def test_a_draft_of_one_context_may_start_at_another(any_repo):
    draft = any_repo.edit("chat/a")
    draft.messages.append("shared")
    base = draft.commit()
    other = any_repo.edit("chat/b", parent="chat/a")
    other.messages.append("own")
    made = other.commit()
    assert made.commit.parents == (base.id,)
    assert list(any_repo.view("chat/b").messages) == ["shared", "own"]
    assert list(any_repo.view("chat/a").messages) == ["shared"]


def test_the_second_of_two_drafts_is_refused_and_nothing_has_changed(any_repo):
    start = any_repo.edit("chat/a")
    start.messages.append("first")
    base = start.commit()
    one, two = any_repo.edit("chat/a"), any_repo.edit("chat/a")
    one.messages.append("one")
    two.messages.append("two")
    head = one.commit()
    with pytest.raises(RefMoved) as caught:
        two.commit()
    assert (caught.value.ref, caught.value.expected, caught.value.actual) == ("chat/a", base.id, head.id)
    assert list(any_repo.view("chat/a").messages) == ["first", "one"]
    assert list(two.messages) == ["first", "two"]
    again = any_repo.edit("chat/a")
    again.messages.append("two")
    again.commit()
    assert list(any_repo.view("chat/a").messages) == ["first", "one", "two"]


def test_two_first_commits_of_a_context_are_not_both_made(any_repo):
    one, two = any_repo.edit("chat/a"), any_repo.edit("chat/a")
    one.messages.append(1)
    two.messages.append(2)
    one.commit()
    with pytest.raises(RefMoved):
        two.commit()
    assert list(any_repo.view("chat/a").messages) == [1]


def test_a_draft_is_usable_after_a_commit_failed(repo, monkeypatch):
    draft = repo.edit("chat/a")
    draft.messages.append("first")
    base = draft.commit()
    draft.messages.append("second")
    draft.memories["k"] = "v"
    draft.files.put("f", b"content")

    def write(self, fd, data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(Files, "write", write)
        for _ in range(2):
            with pytest.raises(StorageError):
                draft.commit()
    assert repo.find_ref("chat/a") == base.id
    assert list(draft.messages) == ["first", "second"]
    made = draft.commit()
    assert made.commit.parents == (base.id,)
    view = repo.view("chat/a")
    assert (list(view.messages), dict(view.memories), view.read("f")) == (["first", "second"], {"k": "v"}, b"content")
    assert repo.check(read_data=True).problems == ()


def test_a_stream_that_a_failed_commit_read_is_not_stored_empty(repo, monkeypatch):
    draft = repo.edit("chat/a")
    draft.files.put("stream", iter([b"all ", b"of it"]))
    draft.files.put("blocks", [b"again ", b"and again"])

    def swap(*arguments):
        raise StorageError("no space")

    with monkeypatch.context() as patched:
        patched.setattr(repo._engine.roots, "swap", swap)
        with pytest.raises(StorageError):
            draft.commit()
    with pytest.raises(InvalidInput):
        draft.commit()
    draft.files.put("stream", iter([b"all ", b"of it"]))
    draft.commit()
    assert repo.view("chat/a").read("stream") == b"all of it"
    assert repo.view("chat/a").read("blocks") == b"again and again"


def test_a_stream_that_fails_fails_the_commit_only(repo):
    def broken():
        yield b"x" * 100_000
        raise RuntimeError("the source went away")

    draft = repo.edit("chat/a")
    draft.messages.append("kept")
    draft.files.put("f", broken())
    with pytest.raises(RuntimeError):
        draft.commit()
    assert repo.find_ref("chat/a") is None
    draft.files.put("f", b"whole")
    draft.commit()
    assert repo.view("chat/a").read("f") == b"whole"


def test_a_fork_shares_all_and_goes_its_own_way(any_repo):
    draft = any_repo.edit("chat/a")
    for number in range(4):
        draft.messages.append(number)
        draft.commit()
    made = any_repo.fork("chat/a~1", "chat/b")
    assert made.id == any_repo.resolve("chat/a~1").id == any_repo.find_ref("chat/b")
    other = any_repo.edit("chat/b")
    other.messages.append("other")
    other.commit()
    assert list(any_repo.view("chat/b").messages) == [0, 1, 2, "other"]
    assert list(any_repo.view("chat/a").messages) == [0, 1, 2, 3]
    with pytest.raises(AlreadyExists):
        any_repo.fork("chat/a", "chat/b")
    with pytest.raises(NotFound):
        any_repo.fork("chat/nothing", "chat/c")
    with pytest.raises(InvalidInput):
        any_repo.fork("chat/a", "no good name")
    assert [name for name, _ in any_repo.refs()] == ["chat/a", "chat/b"]


def test_a_ref_is_set_only_from_where_it_is_expected(any_repo):
    draft = any_repo.edit("chat/a")
    draft.messages.append(1)
    first = draft.commit().id
    draft.messages.append(2)
    second = draft.commit().id
    for wrong in (None, first):
        with pytest.raises(RefMoved):
            any_repo.set_ref("chat/a", first, expected=wrong)
    any_repo.set_ref("chat/a", first, expected=second)
    assert list(any_repo.view("chat/a").messages) == [1]
    with pytest.raises(CtxstoreError):
        any_repo.set_ref("chat/a", ctxstore.ObjectId(b"\0" * 32), expected=first)
    any_repo.set_ref("chat/a", None, expected=first)
    assert any_repo.find_ref("chat/a") is None
    assert list(any_repo.refs()) == []
    any_repo.set_ref("chat/a", second, expected=None)
    assert list(any_repo.view("chat/a~1").messages) == [1]
    changes = [(change.old, change.new) for _, op, _ in any_repo.ops() for change in op.changes]
    assert changes[:3] == [(None, second), (first, None), (second, first)]


def test_refs_are_found_by_glob_and_by_part(any_repo):
    for name in ("chat/alice", "chat/bob", "work/alice"):
        draft = any_repo.edit(name)
        draft.messages.append(name)
        draft.commit()

    def names(pattern):
        return [name for name, _ in any_repo.refs(pattern)]

    assert names("") == ["chat/alice", "chat/bob", "work/alice"]
    assert names("chat/*") == ["chat/alice", "chat/bob"]
    assert names("alice") == ["chat/alice", "work/alice"]
    assert names("nobody") == []


def test_every_revision_can_be_viewed(any_repo):
    draft = any_repo.edit("chat/a")
    commits = []
    for number in range(12):
        draft.messages.append(number)
        draft.memories["last"] = number
        commits.append(draft.commit())
    for number, made in enumerate(commits):
        for rev in (f"chat/a~{11 - number}", made.id.hex(), made.id.hex()[:12]):
            view = any_repo.view(rev)
            assert (list(view.messages), view.memories["last"]) == (list(range(number + 1)), number)
    assert [made.id for made in any_repo.log("chat/a")] == [made.id for made in reversed(commits)]
    with pytest.raises(NotFound):
        any_repo.view("chat/a~12")


def test_a_commit_without_a_change_is_made_all_the_same(any_repo):
    draft = any_repo.edit("chat/a")
    first = draft.commit("empty")
    second = draft.commit("and again")
    assert second.commit.parents == (first.id,)
    assert second.commit.tree == first.commit.tree
    view = any_repo.view("chat/a")
    assert (list(view.messages), dict(view.memories), list(view.files)) == ([], {}, [])


def test_a_context_of_an_agent_can_be_gone_on_with(repo, tmp_path):
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "a").write_bytes(b"1")
    from ctxstore.ops.snapshot.targets import find_targets

    ref = repo.snapshot(find_targets([str(folder)], {})).commits[0][0]
    draft = repo.edit("work/copy", parent=ref)
    draft.messages.append("looked at it")
    draft.commit()
    view = repo.view("work/copy")
    assert (view.read("a"), list(view.messages)) == (b"1", ["looked at it"])
    assert view.commit.summary.files == 1
