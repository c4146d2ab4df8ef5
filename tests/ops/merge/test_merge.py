"""Merges of two revisions. They lose nothing of either side, and list the conflicts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ctxstore
from ctxstore.errors import AlreadyExists, Conflict, InvalidInput, RefMoved
from ctxstore.history.commits import write_commit
from ctxstore.history.forgotten import Forgotten
from ctxstore.history.transaction import Move, transaction
from ctxstore.ops.merge.merge import Merged
from ctxstore.ops.merge.merge_base import find_merge_base, iter_common
from ctxstore.trees.entries import DirEntry
from tests.verifier import verify_folder


class State:
    """The content of a context."""

    def __init__(self, messages: Any = (), memories: Any = None, files: Any = None) -> None:
        self.messages = list(messages)
        self.memories: dict[str, Any] = memories or {}
        self.files: dict[str, bytes] = files or {}


def put(repo: ctxstore.Repo, ref: str, state: State, mtime: int = 1) -> ctxstore.Stored:
    """Commits exactly this state."""
    draft = repo.edit(ref)
    draft.messages.clear()
    draft.messages.extend(state.messages)
    for key in [key for key in draft.memories if key not in state.memories]:
        del draft.memories[key]
    draft.memories.update(state.memories)
    there = set(repo.view(ref).files) if draft.parent else set()
    for path in there - state.files.keys():
        draft.files.remove(path)
    for path, content in state.files.items():
        draft.files.put(path, content, mtime_ns=mtime)
    return draft.commit()


def get(repo: ctxstore.Repo, rev: str) -> State:
    view = repo.view(rev)
    return State(view.messages, dict(view.memories), {path: view.read(path) for path in view.files})


def part(repo: ctxstore.Repo, base: State | None, ours: State, theirs: State) -> None:
    """Makes the contexts `ours` and `theirs` from `base`."""
    if base is not None:
        put(repo, "ours", base)
        repo.fork("ours", "theirs")
    put(repo, "ours", ours)
    put(repo, "theirs", theirs)


def merged_of(base: State | None, ours: State, theirs: State, choice: str = "both") -> tuple[State, Merged]:
    with ctxstore.init("memory:") as repo:
        part(repo, base, ours, theirs)
        result = repo.merge("ours", "theirs", into="merged", choice=choice)
        assert repo.check(read_data=True).problems == ()
        check_summary(repo, "merged")
        return get(repo, "merged"), result


def check_summary(repo: ctxstore.Repo, rev: str) -> None:
    view = repo.view(rev)
    summary = view.commit.summary
    state = get(repo, rev)
    assert (summary.files, summary.memories) == (len(state.files), len(state.memories))
    assert (summary.messages or 0) == len(state.messages)
    assert summary.bytes >= sum(map(len, state.files.values()))


MESSAGES = st.lists(st.integers(0, 9), max_size=6)
MEMORIES = st.dictionaries(st.sampled_from("abc"), st.integers(0, 3), max_size=3)
LINES = st.lists(st.sampled_from([b"x\n", b"y\n", b"z\n", b"w\n"]), max_size=4).map(b"".join)
FILES = st.dictionaries(st.sampled_from(["a", "a/b", "a/b/c", "d.jsonl", "e"]), LINES, max_size=4).map(
    lambda files: {
        path: data for path, data in files.items() if not any(other.startswith(path + "/") for other in files)
    }
)
STATES = st.builds(State, MESSAGES, MEMORIES, FILES)

fewer = settings(max_examples=40, deadline=None)


@fewer
@given(STATES, STATES)
def test_a_side_that_changed_nothing_leaves_the_others_tree(base: State, side: State) -> None:
    with ctxstore.init("memory:") as repo:
        part(repo, base, base, side)
        trees = [repo.resolve(ref).commit.tree for ref in ("ours", "theirs")]
        for choice in ("ours", "theirs", "both"):
            results = [
                repo.merge("ours", "theirs", into=f"m-{choice}", choice=choice),
                repo.merge("theirs", "ours", into=f"n-{choice}", choice=choice),
            ]
            assert [result.stored.commit.tree for result in results] == [trees[1]] * 2
            assert not any(result.conflicts for result in results)


@fewer
@given(STATES, STATES)
def test_sides_that_are_alike_are_that(base: State, side: State) -> None:
    with ctxstore.init("memory:") as repo:
        part(repo, base, side, side)
        result = repo.merge("ours", "theirs", into="merged")
        assert result.stored.commit.tree == repo.resolve("ours").commit.tree and not result.conflicts


@fewer
@given(st.one_of(st.none(), STATES), STATES, STATES)
def test_what_either_side_added_or_changed_is_there(base: State | None, ours: State, theirs: State) -> None:
    made, _ = merged_of(base, ours, theirs)
    before = base or State()
    for side in (ours, theirs):
        assert set(side.messages) - set(before.messages) <= set(made.messages)
        for key, value in side.memories.items():
            if before.memories.get(key, None) != value:
                assert any(name.startswith(key) and kept == value for name, kept in made.memories.items())
        for path, data in side.files.items():
            if before.files.get(path) != data:
                old = set((before.files.get(path) or b"").splitlines())
                # New lines are in the file, or in a copy beside it.
                kept = [
                    lines for name, lines in made.files.items() if name.replace(".theirs-", "\0").split("\0")[0] in path
                ]
                assert any(set(data.splitlines()) - old <= set(lines.splitlines()) for lines in kept)


@fewer
@given(STATES, STATES, STATES, st.sampled_from(["ours", "theirs", "both"]))
def test_nothing_is_below_a_file(base: State, ours: State, theirs: State, choice: str) -> None:
    made, _ = merged_of(base, ours, theirs, choice)
    assert not [path for path in made.files for other in made.files if other.startswith(path + "/")]


@fewer
@given(STATES, STATES, STATES)
def test_the_other_way_round_has_the_same_conflicts(base: State, ours: State, theirs: State) -> None:
    (one, a), (other, b) = merged_of(base, ours, theirs), merged_of(base, theirs, ours)
    assert set(one.messages) == set(other.messages)
    named = [{(c.kind, c.name) for c in result.conflicts if c.kind in ("memory", "file")} for result in (a, b)]
    assert named[0] == named[1]


def test_both_went_on() -> None:
    base = State(["m0"], {"mood": "calm"}, {"notes.md": b"one\ntwo\nthree\n"})
    ours = State(["m0", "a"], {"mood": "calm", "a": 1}, {"notes.md": b"ONE\ntwo\nthree\n"})
    theirs = State(["m0", "b"], {"b": 2}, {"notes.md": b"one\ntwo\nTHREE\n", "new": b"new"})
    made, result = merged_of(base, ours, theirs)
    assert made.messages == ["m0", "a", "b"]
    assert made.memories == {"a": 1, "b": 2}
    assert made.files == {"notes.md": b"ONE\ntwo\nTHREE\n", "new": b"new"}
    assert [(c.kind, c.at, c.kept) for c in result.conflicts] == [("messages", 1, "both")]


@pytest.mark.parametrize(
    ("choice", "expected"), [("ours", ["m", "a"]), ("theirs", ["m", "b"]), ("both", ["m", "a", "b"])]
)
def test_a_choice_decides_conflicts(choice: str, expected: list[str]) -> None:
    ours = State(["m", "a"], {"k": "a"}, {"bin": b"\0a"})
    theirs = State(["m", "b"], {"k": "b"}, {"bin": b"\0b"})
    made, result = merged_of(State(["m"], {"k": "m"}, {"bin": b"\0"}), ours, theirs, choice)
    assert made.messages == expected
    assert {c.kept for c in result.conflicts} == {choice} and len(result.conflicts) == 3
    label = result.stored.commit.parents[1].hex()[:8]
    if choice == "both":
        assert made.memories == {"k": "a", f"k (theirs {label})": "b"}
        assert made.files == {"bin": b"\0a", f"bin.theirs-{label}": b"\0b"}
    else:
        side = ours if choice == "ours" else theirs
        assert (made.memories, made.files) == (side.memories, side.files)


@pytest.mark.parametrize(("choice", "is_there"), [("ours", False), ("theirs", True), ("both", True)])
def test_of_what_was_removed_here_and_changed_there_the_change_stays(choice: str, is_there: bool) -> None:
    base = State([], {"k": 1}, {"f": b"1"})
    made, result = merged_of(base, State(), State([], {"k": 2}, {"f": b"2"}), choice)
    assert (made.memories, made.files) == (({"k": 2}, {"f": b"2"}) if is_there else ({}, {}))
    assert {(c.kind, c.ours, c.theirs) for c in result.conflicts} == {
        ("memory", "removed", "changed"),
        ("file", "removed", "changed file"),
    }


def test_a_file_beside_a_folder_of_the_same_name_is_kept_under_another() -> None:
    made, result = merged_of(State([0]), State([0], files={"x": b"file"}), State([0], files={"x/y": b"inside"}))
    label = result.stored.commit.parents[1].hex()[:8]
    assert made.files == {"x": b"file", f"x.theirs-{label}/y": b"inside"}
    made, result = merged_of(State([0]), State([0], files={"x/y": b"inside"}), State([0], files={"x": b"file"}))
    label = result.stored.commit.parents[1].hex()[:8]
    assert made.files == {"x/y": b"inside", f"x.theirs-{label}": b"file"}
    assert [(c.name, c.copy) for c in result.conflicts] == [("x", f"x.theirs-{label}")]


@pytest.mark.parametrize("choice", ["ours", "theirs", "both"])
def test_a_file_made_a_folder_here_and_changed_there_is_one_conflict(choice: str) -> None:
    ours, theirs = {"a/b": b"inside"}, {"a": b"\0new"}
    made, result = merged_of(State(files={"a": b"\0old"}), State(files=ours), State(files=theirs), choice)
    label = result.stored.commit.parents[1].hex()[:8]
    both = ours | {f"a.theirs-{label}": b"\0new"}
    assert made.files == {"ours": ours, "theirs": theirs, "both": both}[choice]
    assert [conflict.name for conflict in result.conflicts] == ["a"]
    made, result = merged_of(State(files={"a": b"\0old"}), State(files=theirs), State(files=ours), choice)
    label = result.stored.commit.parents[1].hex()[:8]
    both = theirs | {f"a.theirs-{label}/b": b"inside"}
    assert made.files == {"ours": theirs, "theirs": ours, "both": both}[choice]
    assert [conflict.name for conflict in result.conflicts] == ["a"]


def test_a_merge_that_kept_both_can_be_merged_again() -> None:
    with ctxstore.init("memory:") as repo:
        part(repo, State(files={"f": b"\0"}), State(files={"f": b"\0a"}), State(files={"f": b"\0b"}))
        repo.merge("ours", "theirs", into="ours")
        put(repo, "theirs", State(files={"f": b"\0c"}))
        result = repo.merge("ours", "theirs", into="ours")
        assert sorted(repo.view("ours").read(path) for path in repo.view("ours").files) == [b"\0a", b"\0b", b"\0c"]
        assert len(result.conflicts) == 1


def test_times_and_modes_are_no_conflicts() -> None:
    with ctxstore.init("memory:") as repo:
        part(repo, State(files={"f": b"x"}), State(), State())
        for ref, mode, time in (("ours", 0o755, 5), ("theirs", 0o644, 9)):
            draft = repo.edit(ref)
            draft.files.put("f", b"x", mode=mode, mtime_ns=time)
            draft.commit()
        result = repo.merge("ours", "theirs", into="merged")
        entry = repo.view("merged").get_file("f")
        assert (entry.mode, entry.mtime_ns) == (0o755, 9) and not result.conflicts


def test_without_a_common_ancestor_what_is_alike_is_there_once() -> None:
    made, result = merged_of(None, State([1, 2, 3], {"k": 1}), State([1, 2, 4], {"k": 1, "l": 2}))
    assert (made.messages, made.memories) == ([1, 2, 3, 4], {"k": 1, "l": 2})
    assert result.base is None


@pytest.fixture
def parted(repo: ctxstore.Repo) -> Iterator[ctxstore.Repo]:
    part(repo, State(["m"]), State(["m", "a"]), State(["m", "b"]))
    yield repo


def test_the_commit_has_both_as_parents(parted: ctxstore.Repo) -> None:
    put(parted, "theirs", State(["m", "b", "c"]))
    sides = [parted.resolve(ref) for ref in ("ours", "theirs")]
    commit = parted.merge("ours", "theirs", into="ours", note="together").stored.commit
    assert commit.parents == tuple(side.id for side in sides)
    assert commit.generation == sides[1].commit.generation + 1 == 3
    assert (commit.ref, commit.note) == ("ours", "together")
    assert parted.resolve("ours~1").id == sides[0].id


def test_what_descends_from_the_other_needs_no_commit(repo: ctxstore.Repo) -> None:
    put(repo, "a", State([1]))
    repo.fork("a", "b")
    newer = put(repo, "a", State([1, 2])).id
    for ours, theirs, into in (("b", "a", "b"), ("a", "b~0", "c"), ("a~1", "a", "d"), ("a", "a", "e")):
        result = repo.merge(ours, theirs, into=into)
        assert result.is_fast_forward and repo.find_ref(into) == result.stored.id == newer
    ops = len(list(repo.ops()))
    assert repo.merge("a", "b", into="a").op is None
    assert len(list(repo.ops())) == ops


def test_a_context_that_is_neither_side_is_not_moved(parted: ctxstore.Repo) -> None:
    put(parted, "other", State([1]))
    with pytest.raises(AlreadyExists, match="'other'"):
        parted.merge("ours", "theirs", into="other")
    with pytest.raises(Conflict, match="neither of the merged commits"):
        parted.merge("ours~1", "theirs", into="ours")
    for into in ("a b", "tag:x", ""):
        with pytest.raises(InvalidInput):
            parted.merge("ours", "theirs", into=into)
    with pytest.raises(InvalidInput, match="not a way to resolve conflicts"):
        parted.merge("ours", "theirs", into="new", choice="mine")


def test_a_commit_to_the_context_meanwhile_is_not_lost(parted: ctxstore.Repo, place: Any, monkeypatch: Any) -> None:
    storage = parted._engine.storage
    swap = type(storage).swap

    def beaten(*args: Any) -> Any:
        monkeypatch.undo()
        with ctxstore.open(place) as other:
            put(other, "ours", State(["m", "a", "late"]))
        return swap(storage, *args)

    monkeypatch.setattr(storage, "swap", beaten)
    with pytest.raises((Conflict, RefMoved)):
        parted.merge("ours", "theirs", into="ours")
    assert get(parted, "ours").messages == ["m", "a", "late"]


def test_forgotten_commits_are_no_base_and_forgotten_sides_come_back(repo: ctxstore.Repo) -> None:
    oldest = put(repo, "ours", State(["m"])).id
    base = put(repo, "ours", State(["m", "n"])).id
    repo.fork("ours", "theirs")
    put(repo, "ours", State(["m", "n", "a"]))
    side = put(repo, "theirs", State(["m", "n", "b"])).id
    put(repo, "theirs", State(["m", "n", "b", "c"]))
    with transaction(repo._engine) as tx:
        tx.forget({id: Forgotten(1, "old") for id in (base, side)})
        tx.publish([], "forget")
    result = repo.merge("ours", "theirs~1", into="merged")
    assert result.base == oldest
    assert get(repo, "merged").messages == ["m", "n", "a", "b"]
    assert set(repo._engine.forgotten(repo._engine.root()).ids()) == {base}
    repo.gc()
    assert repo.check(read_data=True).problems == ()
    assert get(repo, "merged").messages == ["m", "n", "a", "b"]


def test_the_nearest_common_ancestor_of_a_criss_cross_is_found(repo: ctxstore.Repo) -> None:
    put(repo, "a", State([0]))
    repo.fork("a", "b")
    put(repo, "a", State([0, 1]))
    put(repo, "b", State([0, 2]))
    first = repo.merge("a", "b", into="m").stored
    put(repo, "a", State([0, 1, 3]))
    second = repo.merge("a", "m", into="n").stored
    engine = repo._engine
    assert find_merge_base(engine, second.id, repo.resolve("b").id).id == repo.resolve("b").id
    common = list(iter_common(engine, second.id, first.id))
    assert common[0].id == first.id and len(common) == 4
    generations = [stored.commit.generation for stored in common]
    assert generations == sorted(generations, reverse=True)


def test_a_merge_is_undone_like_any_op(parted: ctxstore.Repo) -> None:
    before = parted.find_ref("ours")
    parted.merge("ours", "theirs", into="ours")
    parted.plan_undo().execute()
    assert parted.find_ref("ours") == before


def test_what_merges_tags_and_undos_write_is_as_the_format_says(parted: ctxstore.Repo, place: Any) -> None:
    put(parted, "theirs", State(["m", "b", "c"], {"k": 1}, {"f": b"x"}))
    parted.merge("ours", "theirs", into="ours")
    parted.tag("t", "ours")
    parted.rename("ours", "mine")
    parted.plan_undo().execute()
    parted.plan_drop("theirs").execute()
    parted.gc()
    verified = verify_folder(place)
    merged = parted.resolve("tag:t")
    assert merged.id in verified.complete
    assert set(merged.commit.parents) <= set(verified.complete)


def test_long_lists_are_merged_without_reading_what_they_share(repo: ctxstore.Repo) -> None:
    draft = repo.edit("ours")
    draft.messages.extend(range(20_000))
    draft.commit()
    repo.fork("ours", "theirs")
    for ref, index in (("ours", 100), ("theirs", 15_000)):
        draft = repo.edit(ref)
        draft.messages[index] = ref
        draft.messages.append(f"{ref} went on")
        draft.commit()
    asked: list[bytes] = []
    original = repo._engine.store.get
    repo._engine.store.get = lambda id, kind: (asked.append(id), original(id, kind))[1]  # type: ignore[method-assign]
    result = repo.merge("ours", "theirs", into="ours")
    assert len(asked) < 200
    messages = get(repo, "ours").messages
    assert (messages[100], messages[15_000], messages[-2:]) == ("ours", "theirs", ["ours went on", "theirs went on"])
    assert [c.at for c in result.conflicts] == [20_000]


def test_two_states_of_an_agents_session_are_merged_line_by_line(
    repo: ctxstore.Repo, home: Any, snap: Any, line: Callable[..., bytes], settle: Callable[[], None]
) -> None:
    home.write("s", 4)
    snap(home)
    home.append("s", line(4, "ours"))
    snap(home)
    ref = home.ref("s")
    repo.fork(ref, "mine")
    path = home.write("s", 4)
    home.append("s", line(5, "theirs"), line(6, "theirs again"))
    snap(home)
    # Both descend from the first state, as when a session is resumed from an older one.
    base = repo.resolve(f"{ref}~2").id
    theirs = repo.resolve(ref)
    made = theirs.commit._replace(parents=(base,), generation=1)
    with transaction(repo._engine) as tx:
        id = write_commit(tx.writer, made)
        tx.publish([Move("other", None, id)], "test")
    result = repo.merge("mine", "other", into="both")
    key = f"projects/{home.project}/s.jsonl"
    assert [(c.kind, c.name, c.at, c.ours, c.theirs) for c in result.conflicts] == [
        ("lines", key, 4, "1 line", "2 lines")
    ]
    records = [json.loads(each) for each in repo.view("both").read(key).splitlines()]
    assert [record["uuid"] for record in records] == ["m0", "m1", "m2", "m3", "m4", "m5", "m6"]
    assert len(list(repo.messages("both"))) == result.stored.commit.summary.messages == 7
    commit = result.stored.commit
    assert (commit.source, commit.root, commit.ref) == ("claude-code", str(home.claude), ref)
    settle()
    repo.plan_checkout("both").execute()
    assert len(path.read_bytes().splitlines()) == 7


def test_two_sessions_of_an_agent_lie_beside_each_other(repo: ctxstore.Repo, home: Any, snap: Any) -> None:
    for session in ("one", "two"):
        home.write(session, 6)
    snap(home)
    result = repo.merge(home.ref("one"), home.ref("two"), into="both")
    files = repo.view("both").files
    assert {path for path in files if not isinstance(files[path], DirEntry)} >= {
        f"projects/{home.project}/{session}.jsonl" for session in ("one", "two")
    }
    assert not result.conflicts and result.stored.commit.summary.messages == 6


def test_an_agents_session_and_a_programs_messages_are_not_mixed(repo: ctxstore.Repo, home: Any, snap: Any) -> None:
    home.write("s", 4)
    snap(home)
    put(repo, "chat", State(["m"]))
    for sides in ((home.ref("s"), "chat"), ("chat", home.ref("s"))):
        with pytest.raises(InvalidInput, match="cannot merge an agent"):
            repo.merge(*sides, into="both")


def test_files_over_the_limit_are_not_merged_by_lines(monkeypatch: Any) -> None:
    monkeypatch.setattr("ctxstore.ops.merge.files.MAX_SIZE", 8)
    base, ours, theirs = (State(files={"f.jsonl": data}) for data in (b"1\n2\n", b"1\n2\n3\n4\n5\n", b"0\n1\n2\n"))
    made, result = merged_of(base, ours, theirs)
    assert sorted(made.files.values()) == [b"0\n1\n2\n", b"1\n2\n3\n4\n5\n"]
    assert [c.kind for c in result.conflicts] == ["file"]
