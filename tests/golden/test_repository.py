"""A repository of format 1, made once. Every later release must read it exactly, and write to it.

``python -m tests.golden.test_repository`` made it, and refuses to make it again: a new format gets a new folder.
"""

from __future__ import annotations

import itertools
import json
import math
import shutil
from pathlib import Path

import pytest
from blake3 import blake3

import ctxstore
from ctxstore.history.commits import Author, Commit, write_commit
from ctxstore.history.engine import Environment, create
from ctxstore.history.transaction import Move, transaction
from ctxstore.objects.chunker import ChunkerSettings
from ctxstore.repo.repository import Repo
from ctxstore.storage.locate import locate
from ctxstore.trees.entries import DirEntry, FileEntry, SymlinkEntry, encode_entry, encode_key
from ctxstore.trees.files import write_content
from tests.verifier import verify_folder

HOME = Path(__file__).parent / "format-1"
REPOSITORY = HOME / "repository"
CONTENT = HOME / "content.json"


def environment():
    """Makes a clock that advances by a second, numbers instead of randomness, and an author."""
    seconds, numbers = itertools.count(1_700_000_000), itertools.count(1)
    return Environment(
        lambda: next(seconds) * 10**9,
        lambda size: blake3(b"%d" % next(numbers)).digest(length=size),
        Author("ada", "engine", "golden"),
    )


def noise(name, size):
    return blake3(name.encode()).digest(length=size)


def make(path):
    """Writes all that format 1 has: each kind of entry, lists and maps with nodes, both codecs, and a manifest."""
    from ctxstore.history import root

    root.INLINE_PACKS, root.RECENT_PACKS = 4, 2
    engine = create(locate(str(path)), environment(), ChunkerSettings(256, 64, 1024, 7))
    with Repo(engine, str(path)) as repo:
        write_conversation(repo)
        write_files(repo)
        removed = repo.edit("gone/for-good")
        removed.messages.append("still in the log")
        removed.commit("to be removed")
        write_tree(engine)


def write_conversation(repo):
    draft = repo.edit("chat/alice")
    for i in range(60):
        draft.messages.append({"role": "user" if i % 2 else "assistant", "turn": i, "content": f"turn {i}"})
    draft.memories["mood"] = "curious"
    draft.memories["long"] = "word " * 40
    draft.memories["lone \ud83d"] = {"": [None, True, 2**70, 1721828935.24231, -0.0, math.inf]}
    draft.commit("sixty turns", title="Harbour \u2713", agent="test", model="model-1")
    draft.messages[10] = ["edited", "\ud800"]
    draft.messages.append("one more")
    del draft.memories["mood"]
    draft.commit("edited", author=Author("b\u00f6b", "other", "tool"))


def write_files(repo):
    draft = repo.edit("files/many")
    for i in range(60):
        draft.files.put(f"folder/{i:03}.txt", b"%d\n" % i * (i % 7), mtime_ns=i)
    draft.files.put("large.bin", noise("large", 5000), mode=0o600, mtime_ns=-1)
    draft.commit("sixty-one")
    draft.files.put("large.bin", noise("large", 5000) + b"appended\n", mtime_ns=2**62)
    draft.files.remove("folder/050.txt")
    draft.commit("appended")


def write_tree(engine):
    """Writes the tree of a source, with folders, links and names that are not UTF-8, and a commit with two parents."""
    with transaction(engine) as tx:
        content = write_content(tx.writer, engine.chunker, [b"text " * 300])
        tree = engine.maps.create(
            tx.writer,
            {
                encode_key("a"): encode_entry(DirEntry(0o750, 1)),
                encode_key("a/\udcff.txt"): encode_entry(FileEntry(0o640, 2, *content)),
                encode_key("a/empty"): encode_entry(FileEntry(0o644, 3, 0, False, None)),
                encode_key("a/link"): encode_entry(SymlinkEntry(b"../\xfe" + b"x" * 100, 4)),
            },
        )
        parents = (tx.refs.find("files/many"), tx.refs.find("chat/alice"))
        clock, _, author = engine.environment
        ref, note = "src/a\udcff", "merged\n\u2713"
        commit = Commit(tree, parents, 2, clock(), author, ref, note, "full", "directory", "/r", "l", True)
        moves = [
            Move(ref, None, write_commit(tx.writer, commit)),
            Move("chat/alice-2", None, parents[1]),
            Move("gone/for-good", tx.refs.find("gone/for-good"), None),
        ]
        tx.publish(moves, "snapshot", "n\u00f6te", {"bytes_new": 5})


def describe(repo):
    """Returns everything that can be read from a repository, as JSON."""
    ops = [
        {
            "id": id.hex(),
            "time": op.time,
            "author": op.author,
            "command": op.command,
            "note": op.note,
            "statistics": dict(op.statistics),
            "changes": [[ref, old and old.hex(), new and new.hex()] for ref, old, new in op.changes],
        }
        for id, op, _ in repo.ops()
    ]
    news = {change[2] for op in ops for change in op["changes"] if change[2]}
    return {
        "refs": {name: stored.id.hex() for name, stored in repo.refs()},
        "ops": ops,
        "commits": {id: describe_commit(repo.view(id)) for id in sorted(news)},
    }


def describe_commit(view):
    commit = view.commit
    fields = {**commit._asdict(), "tree": commit.tree.hex(), "parents": [id.hex() for id in commit.parents]}
    return {
        "commit": {**fields, "summary": list(commit.summary)},
        "messages": list(view.messages),
        "memories": dict(view.memories),
        "files": {path: describe_entry(view, path, entry) for path, entry in view.files.entries()},
    }


def describe_entry(view, path, entry):
    if isinstance(entry, SymlinkEntry):
        return ["symlink", entry.target.hex(), entry.mtime_ns]
    if isinstance(entry, DirEntry):
        return ["dir", *entry]
    return ["file", entry.mode, entry.mtime_ns, entry.size, entry.is_list, blake3(view.read(path)).hexdigest()]


def as_json(value):
    """Converts a value to its form in JSON: tuples become lists."""
    return json.loads(json.dumps(value))


@pytest.fixture
def place(tmp_path):
    """A copy without a cache. A test may write to it."""
    shutil.copytree(REPOSITORY, tmp_path / "repository")
    return tmp_path / "repository"


def test_it_is_read_exactly(place):
    with ctxstore.open(place) as repo:
        assert json.dumps(as_json(describe(repo))) == json.dumps(json.loads(CONTENT.read_text()))


def test_it_is_sound_to_the_last_byte(place):
    with ctxstore.open(place) as repo:
        report = repo.check(read_data=True)
    assert report.problems == ()
    assert report.packs == sum(1 for _ in (REPOSITORY / "packs").iterdir())


def test_the_format_s_documentation_is_enough_to_read_it():
    verified, kept = verify_folder(REPOSITORY), json.loads(CONTENT.read_text())
    assert {name: id.hex() for name, id in verified.refs.items()} == kept["refs"]
    assert {id.hex() for id in verified.complete} == kept["commits"].keys()
    for id, said in kept["commits"].items():
        files = {path: blake3(data).hexdigest() for path, data in verified.files(bytes.fromhex(id)).items()}
        assert files == {path: entry[-1] for path, entry in said["files"].items() if entry[0] == "file"}
        assert repr(verified.messages(bytes.fromhex(id))) == repr(said["messages"])


def test_every_commit_checks_out_byte_for_byte(place, tmp_path):
    with ctxstore.open(place) as repo:
        for id, said in json.loads(CONTENT.read_text())["commits"].items():
            files = {path: entry[-1] for path, entry in said["files"].items() if entry[0] == "file"}
            if files:
                repo.plan_checkout(id, to=str(tmp_path / id)).execute()
            for path, content in files.items():
                assert blake3((tmp_path / id / path).read_bytes()).hexdigest() == content


def test_it_holds_a_manifest_and_frames_of_both_codecs(place):
    codecs = set()
    with ctxstore.open(place) as repo:
        root = repo._engine.root()
        assert root.manifest is not None
        for pack in repo._engine.roots.packs(root):
            data = (place / pack.key).read_bytes()
            assert len(data) == pack.size
            codecs.add(data[12])
    assert codecs == {0, 1}


def test_it_can_be_gone_on_with(place):
    with ctxstore.open(place) as repo:
        draft = repo.edit("chat/alice")
        draft.messages.append("a new turn")
        draft.commit()
        draft = repo.edit("files/many")
        draft.files.put("folder/050.txt", b"back")
        draft.commit()
    with ctxstore.open(place) as repo:
        assert len(repo.view("chat/alice").messages) == len(repo.view("chat/alice~1").messages) + 1
        assert repo.view("files/many").read("folder/050.txt") == b"back"
        assert repo.check(read_data=True).problems == ()


def test_collecting_keeps_all_of_it(place):
    with ctxstore.open(place) as repo:
        repo.gc(recompress=True)
    with ctxstore.open(place) as repo:
        assert as_json(describe(repo)) == json.loads(CONTENT.read_text())
        assert repo.check(read_data=True).problems == ()


def test_the_same_content_has_the_same_ids_today(tmp_path, monkeypatch):
    """Commits, trees and ops with the same content get the same ids: nothing that an id depends on has changed."""
    from ctxstore.history import root

    monkeypatch.setattr(root, "INLINE_PACKS", root.INLINE_PACKS)
    monkeypatch.setattr(root, "RECENT_PACKS", root.RECENT_PACKS)
    make(tmp_path / "again")
    with ctxstore.open(tmp_path / "again") as repo:
        found, kept = describe(repo), json.loads(CONTENT.read_text())
    trees = [{commit["commit"]["tree"] for commit in said["commits"].values()} for said in (found, kept)]
    assert trees[0] == trees[1]
    assert [op["command"] for op in found["ops"]] == [op["command"] for op in kept["ops"]]


if __name__ == "__main__":
    HOME.mkdir()
    make(REPOSITORY)
    shutil.rmtree(REPOSITORY / "cache")
    for lock in REPOSITORY.glob("*.lock"):
        lock.unlink()
    shutil.copytree(REPOSITORY, "/tmp/ctxstore-golden")
    with ctxstore.open("/tmp/ctxstore-golden") as made:
        CONTENT.write_text(json.dumps(describe(made)) + "\n")
    shutil.rmtree("/tmp/ctxstore-golden")
