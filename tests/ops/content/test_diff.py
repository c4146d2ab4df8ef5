"""The changes between two revisions: messages, memories, files. Only the parts that differ are parsed."""

from __future__ import annotations

import random

import pytest

from ctxstore.sources.claude_code import ClaudeCode


@pytest.fixture
def parsed(monkeypatch):
    """The number of bytes that were parsed as messages."""
    count = [0]
    real = ClaudeCode.messages

    def messages(self, lines, offset=0):
        def counted():
            for block in lines:
                count[0] += len(block)
                yield block

        return real(self, counted(), offset)

    monkeypatch.setattr(ClaudeCode, "messages", messages)
    return count


def ids(messages):
    return [message.id for message in messages]


def test_equal_revisions_have_an_empty_diff(home, snap, repo):
    home.write("one")
    snap(home)
    assert repo.diff(home.ref("one"), home.ref("one")).is_empty


def test_appended_messages_are_added(home, snap, repo, line):
    home.write("one", 6)
    snap(home)
    home.append("one", line(6), line(7))
    snap(home)
    found = repo.diff(home.ref("one") + "~1", home.ref("one"))
    assert ids(found.added) == ["m6", "m7"]
    assert (found.removed, found.edited, found.rerooted) == ((), (), ())
    back = repo.diff(home.ref("one"), home.ref("one") + "~1")
    assert ids(back.removed) == ["m6", "m7"]
    assert (back.added, back.edited, back.rerooted) == ((), (), ())


@pytest.mark.parametrize("at", [0, 1, 250, 499])
def test_a_message_in_the_middle_is_edited_removed_inserted_or_rerooted(home, snap, repo, line, at):
    lines = [line(i) for i in range(500)]
    path = home.transcript("one")
    path.write_bytes(b"".join(lines))
    snap(home)
    changes = {
        "edited": [*lines[:at], line(at, "Something else entirely"), *lines[at + 1 :]],
        "removed": [*lines[:at], *lines[at + 1 :]],
        "added": [*lines[:at], line(1000), *lines[at:]],
        "rerooted": [*lines[:at], line(at, parentUuid="m9999"), *lines[at + 1 :]],
    }
    start = repo.find_ref(home.ref("one")).hex()
    for kind, changed in changes.items():
        path.write_bytes(b"".join(changed))
        snap(home)
        found = repo.diff(start, home.ref("one"))
        counts = {name: len(getattr(found, name)) for name in ("added", "removed", "edited", "rerooted")}
        assert counts == {**dict.fromkeys(counts, 0), kind: 1}
        if kind == "edited":
            ((old, new),) = found.edited
            assert (old.id, new.id) == (f"m{at}", f"m{at}")
            assert new.parts[0].text == "Something else entirely"
        if kind == "rerooted":
            ((old, new),) = found.rerooted
            assert new.parent == "m9999"


def test_lines_without_ids_that_only_moved_are_no_changes(home, snap, repo, line):
    meta = [b'{"type":"progress","n":%d}\n' % i for i in range(100)]
    lines = [line(i) + meta[i] for i in range(100)]
    path = home.transcript("one")
    path.write_bytes(b"".join(lines))
    snap(home)
    path.write_bytes(b"".join([line(0, "A much longer first message than it was before") + meta[0], *lines[1:]]))
    snap(home)
    found = repo.diff(home.ref("one") + "~1", home.ref("one"))
    assert (found.added, found.removed, found.rerooted) == ((), (), ())
    assert [old.id for old, _ in found.edited] == ["m0"]


def test_only_the_ranges_that_differ_are_parsed(home, snap, repo, line, parsed):
    path = home.write("one", 20_000)
    snap(home)
    home.append("one", line(20_000))
    snap(home)
    parsed[0] = 0
    found = repo.diff(home.ref("one") + "~1", home.ref("one"))
    assert ids(found.added) == ["m20000"]
    assert 0 < parsed[0] < 600_000 < path.stat().st_size


def test_a_diff_is_right_for_any_edit(home, snap, repo, line):
    rng = random.Random(7)
    numbers = list(range(300))
    path = home.transcript("one")
    path.write_bytes(b"".join(line(i) for i in numbers))
    snap(home)
    fresh = 1000
    for _ in range(12):
        before = set(numbers)
        for _ in range(rng.randrange(1, 4)):
            at = rng.randrange(len(numbers))
            if rng.random() < 0.5:
                numbers[at : at + rng.randrange(1, 20)] = []
            else:
                count = rng.randrange(1, 20)
                numbers[at:at] = range(fresh, fresh + count)
                fresh += count
        path.write_bytes(b"".join(line(i) for i in numbers))
        snap(home)
        found = repo.diff(home.ref("one") + "~1", home.ref("one"))
        assert set(ids(found.added)) == {f"m{i}" for i in set(numbers) - before}
        assert set(ids(found.removed)) == {f"m{i}" for i in before - set(numbers)}
        assert (found.edited, found.rerooted) == ((), ())


def test_a_torn_last_line_that_is_completed_is_replaced_by_its_message(home, snap, repo, line):
    home.write("one", 6)
    home.append("one", line(6)[:-40])
    snap(home)
    home.append("one", line(6)[-40:], line(7))
    snap(home)
    found = repo.diff(home.ref("one") + "~1", home.ref("one"))
    assert set(ids(found.added)) == {"m6", "m7"}
    assert (found.removed, found.edited, found.records) == ((), (), 1)


def test_the_agents_own_records_are_counted_apart_from_messages(home, snap, repo, line):
    home.write("one", 6)
    snap(home)
    own = b'{"type":"file-history-snapshot","messageId":"x"}\n', b'{"type":"system","subtype":"turn_duration"}\n'
    home.append("one", line(6), *own, line(7))
    snap(home)
    old, new = repo.resolve(home.ref("one") + "~1"), repo.resolve(home.ref("one"))
    found = repo.diff(old.ref + "~1", new.ref)
    assert (ids(found.added), found.records) == (["m6", "m7"], 2)
    assert len(found.added) == new.commit.summary.messages - old.commit.summary.messages


def test_a_transcript_that_comes_or_goes_brings_or_takes_all_its_messages(home, snap, repo):
    home.add(f"projects/{home.project}/one/tool-results/t.txt", b"1")
    snap(home)
    home.write("one", 6)
    snap(home)
    there = repo.diff(home.ref("one") + "~1", home.ref("one"))
    assert len(there.added) == 6
    gone = repo.diff(home.ref("one"), home.ref("one") + "~1")
    assert (len(gone.removed), gone.added) == (6, ())


def test_files_are_added_removed_changed_or_other_in_metadata_only(tmp_path, snap, repo, folder_target):
    folder = tmp_path / "notes"
    (folder / "d").mkdir(parents=True)
    for name in "abc":
        (folder / name).write_bytes(b"1")
    (folder / "link").symlink_to("a")
    ref = snap(folder_target(folder)).commits[0][0]
    (folder / "a").write_bytes(b"2")
    (folder / "b").chmod(0o600)
    (folder / "c").unlink()
    (folder / "e").write_bytes(b"3")
    (folder / "d").chmod(0o700)
    (folder / "link").unlink()
    (folder / "link").symlink_to("b")
    snap(folder_target(folder))
    found = repo.diff(ref + "~1", ref)
    assert {change.path: change.status for change in found.files} == {
        "a": "changed",
        "b": "metadata",
        "c": "removed",
        "d": "metadata",
        "e": "added",
        "link": "changed",
    }
    assert (found.added, found.removed, found.memories) == ((), (), ())


def test_memories_of_an_agent_are_files_of_its_home(home, snap, repo):
    home.add("CLAUDE.md", b"Be brief.\n")
    home.add("settings.json", b"{}")
    home.add(f"projects/{home.project}/memory/MEMORY.md", b"# Wheels\n")
    snap(home)
    home.add("CLAUDE.md", b"Be kind.\n")
    home.add("settings.json", b'{"a":1}')
    home.add(f"projects/{home.project}/memory/NEW.md", b"# New\n")
    snap(home)
    found = repo.diff("claude-code/home~1", "claude-code/home")
    assert found.memories == (("CLAUDE.md", b"Be brief.\n", b"Be kind.\n"),)
    found = repo.diff(home.ref("memory") + "~1", home.ref("memory"))
    assert found.memories == ((f"projects/{home.project}/memory/NEW.md", None, b"# New\n"),)


def patch_of(repo, ref, path):
    (change,) = [change for change in repo.diff(ref + "~1", ref).files if change.path == path]
    return list(repo.patch(change))


@pytest.mark.parametrize(
    "case",
    [
        (b"a\nb\nc\n", b"a\nB\nc\n", [" a", "-b", "+B", " c"]),
        (b"a\n", b"a\nb\n", [" a", "+b"]),
        (b"a", b"a\n", ["-a", "\\ No newline at end of file", "+a"]),
        (b"a\r\n", b"a\n", ["-a\r", "+a"]),
        (b"a\x0bb\n", b"a\x0bc\n", ["-a\x0bb", "+a\x0bc"]),
        (b"\xff\n", b"\xfe\n", ["-\udcff", "+\udcfe"]),
        (b"", b"a\n", ["+a"]),
    ],
)
def test_a_patch_shows_every_difference_of_a_text(tmp_path, snap, repo, folder_target, case):
    old, new, expected = case
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "f").write_bytes(old)
    ref = snap(folder_target(folder)).commits[0][0]
    (folder / "f").write_bytes(new)
    snap(folder_target(folder))
    head, body = patch_of(repo, ref, "f")[:2], patch_of(repo, ref, "f")[3:]
    assert head == ["--- a/f", "+++ b/f"]
    assert body == expected


def test_a_patch_of_binary_files_says_so(tmp_path, snap, repo, folder_target):
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "f").write_bytes(b"\0\1")
    ref = snap(folder_target(folder)).commits[0][0]
    (folder / "f").write_bytes(b"\0\2")
    snap(folder_target(folder))
    assert patch_of(repo, ref, "f") == ["Binary files differ"]


def test_the_messages_of_a_fork_are_those_of_its_original(home, snap, repo, line):
    home.write("one", 6)
    snap(home)
    repo.fork(home.ref("one"), "experiments/mine")
    home.append("one", line(6))
    snap(home)
    assert ids(repo.messages("experiments/mine")) == [f"m{i}" for i in range(6)]
    assert ids(repo.diff("experiments/mine", home.ref("one")).added) == ["m6"]


# -- contexts a program wrote


@pytest.fixture
def draft(repo):
    draft = repo.edit("chat/alice")
    draft.messages.extend({"role": "user", "content": f"message {i}"} for i in range(50))
    draft.memories["mood"] = "curious"
    draft.memories["place"] = {"harbour": [1, 2]}
    draft.files.put("a.txt", b"1", mtime_ns=1)
    draft.commit()
    return draft


def changes(repo):
    return repo.diff("chat/alice~1", "chat/alice")


def test_native_messages_are_added_removed_and_edited(repo, draft):
    draft.messages.append({"role": "assistant", "content": "new"})
    draft.commit()
    assert [m.parts[0].text for m in changes(repo).added] == ["new"]
    del draft.messages[10]
    draft.commit()
    found = changes(repo)
    assert ([m.parts[0].text for m in found.removed], found.added, found.edited) == (["message 10"], (), ())
    draft.messages[5] = {"role": "user", "content": "other"}
    draft.commit()
    ((old, new),) = changes(repo).edited
    assert (old.parts[0].text, new.parts[0].text) == ("message 5", "other")
    draft.messages.insert(0, {"role": "system", "content": "first"})
    draft.commit()
    found = changes(repo)
    assert ([m.role for m in found.added], found.removed, found.edited) == (["system"], (), ())


def test_native_messages_with_ids_and_parents_are_rerooted(repo):
    draft = repo.edit("chat/bob")
    draft.messages.extend({"id": f"x{i}", "parent": f"x{i - 1}", "role": "user", "content": "c"} for i in range(5))
    draft.commit()
    draft.messages[3] = {"id": "x3", "parent": "x0", "role": "user", "content": "c"}
    draft.commit()
    found = repo.diff("chat/bob~1", "chat/bob")
    ((old, new),) = found.rerooted
    assert (old.parent, new.parent) == ("x2", "x0")
    assert (found.added, found.removed, found.edited) == ((), (), ())


def test_native_memories_and_files_are_compared(repo, draft):
    draft.memories["mood"] = "calm"
    draft.memories["new"] = None
    del draft.memories["place"]
    draft.files.put("a.txt", b"2", mtime_ns=1)
    draft.commit()
    found = changes(repo)
    assert found.memories == (
        ("mood", b'"curious"', b'"calm"'),
        ("new", None, b"null"),
        ("place", b'{"harbour":[1,2]}', None),
    )
    assert [(change.path, change.status) for change in found.files] == [("a.txt", "changed")]
    assert (found.added, found.removed) == ((), ())


def test_a_diff_with_a_context_without_messages_shows_all(repo, draft):
    other = repo.edit("chat/empty")
    other.memories["x"] = 1
    other.commit()
    found = repo.diff("chat/empty", "chat/alice")
    assert len(found.added) == 50
    assert {change.key for change in found.memories} == {"x", "mood", "place"}
    assert len(repo.diff("chat/alice", "chat/empty").removed) == 50


def test_a_commit_that_changes_nothing_has_an_empty_diff(repo, draft):
    draft.commit("nothing new")
    assert changes(repo).is_empty


def test_a_diff_of_long_histories_reads_only_what_differs(repo, monkeypatch):
    draft = repo.edit("chat/long")
    draft.messages.extend({"role": "user", "content": f"message {i}"} for i in range(5000))
    draft.commit()
    draft.messages[2500] = {"role": "user", "content": "other"}
    draft.commit()
    store = repo._engine.store
    reads, real = [], store.get
    monkeypatch.setattr(store, "get", lambda id, kind: reads.append(kind) or real(id, kind))
    found = repo.diff("chat/long~1", "chat/long")
    assert len(found.edited) == 1
    assert len(reads) < 60
