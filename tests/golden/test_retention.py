"""A repository of format 1 with tags, a policy, forgotten commits and undone ops, made once.

``python -m tests.golden.test_retention`` made it, and refuses to make it again: a new format gets a new folder.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest

import ctxstore
from ctxstore.errors import CtxstoreError
from ctxstore.history.engine import create
from ctxstore.objects.chunker import ChunkerSettings
from ctxstore.ops.retention.policy import Policy
from ctxstore.repo.repository import Repo
from ctxstore.storage.locate import locate
from tests.golden.test_repository import REPOSITORY as OLD
from tests.golden.test_repository import environment, noise
from tests.verifier import VerifyError, verify_folder

HOME = Path(__file__).parent / "format-1-retention"
REPOSITORY = HOME / "repository"
CONTENT = HOME / "content.json"


def make(path):
    """Writes everything that retention and undo produce: forgotten commits with and without their trees, and a
    manifest."""
    from ctxstore.history import root

    root.INLINE_PACKS, root.RECENT_PACKS = 4, 2
    with Repo(create(locate(str(path)), environment(), ChunkerSettings(256, 64, 1024, 7)), str(path)) as repo:
        write(repo, "chat/a", 8)
        repo.tag("release/1", "chat/a~5")
        repo.tag("moved", "chat/a~6")
        repo.tag("moved", "chat/a~1", force=True)
        repo.set_policy("brief", Policy(last=2))
        repo.forget("brief", "chat/a")
        repo.gc()
        write(repo, "chat/b", 5)
        repo.forget(Policy(last=1), "chat/b")
        repo.plan_undo().execute()
        repo.plan_drop("chat/a").execute()
        repo.plan_undo().execute()
        repo.forget(Policy(last=3), "chat/b")
        repo.tag("gone", "chat/b")
        repo.delete_tag("gone")
        write(repo, "chat/c", 1)


def write(repo, ref, turns):
    for turn in range(turns):
        draft = repo.edit(ref)
        draft.messages.append({"role": "user", "turn": turn})
        draft.memories["seen"] = turn
        draft.files.put("notes.txt", noise(f"{ref} {turn}", 900), mtime_ns=turn)
        draft.files.put(f"only/{turn}.bin", noise(f"{ref} only {turn}", 3000), mtime_ns=turn)
        if turn:
            draft.files.remove(f"only/{turn - 1}.bin")
        draft.commit(f"turn {turn}")


def describe(verified):
    """Returns the verified content as JSON, and the content of files as SHA-256."""
    return {
        "refs": {name: id.hex() for name, id in verified.refs.items()},
        "tags": {name: id.hex() for name, id in verified.tags.items()},
        "settings": verified.settings,
        "ops": [[id.hex(), fields[4], (fields.get(10) or b"").hex()] for id, fields in op_pairs(verified)],
        "forgotten": {id.hex(): list(mark) for id, mark in verified.forgotten.items()},
        "commits": sorted(id.hex() for id in verified.commits),
        "complete": {id.hex(): describe_commit(verified, id) for id in sorted(verified.complete)},
    }


def op_pairs(verified):
    return zip(verified.ops, verified.op_fields, strict=True)


def describe_commit(verified, id):
    return {
        "files": {path: hashlib.sha256(data).hexdigest() for path, data in verified.files(id).items()},
        "messages": verified.messages(id),
        "memories": verified.memories(id),
    }


@pytest.fixture
def kept():
    return json.loads(CONTENT.read_text())


@pytest.fixture
def place(tmp_path):
    """A copy without a cache. A test may write to it."""
    shutil.copytree(REPOSITORY, tmp_path / "repository")
    return tmp_path / "repository"


def test_the_format_s_documentation_is_enough_to_read_it_exactly(kept):
    verified = verify_folder(REPOSITORY)
    assert describe(verified) == kept
    assert verified.root[5] is not None


def test_it_holds_what_it_is_kept_for(kept):
    verified = verify_folder(REPOSITORY)
    undone = [fields[4] for fields in verified.op_fields if fields.get(10)]
    held = set(verified.refs.values()) | set(verified.tags.values())
    gone, still_there = [], []
    for id in verified.forgotten.keys() - held:
        try:
            verified.files(id)
            still_there.append(id)
        except VerifyError:
            gone.append(id)
    assert gone and still_there and len(undone) == 2
    assert kept["tags"].keys() == {"release/1", "moved"} and kept["settings"]


def test_the_library_reads_it_exactly_and_finds_it_sound(place, kept):
    with ctxstore.open(place) as repo:
        assert {name: stored.id.hex() for name, stored in repo.refs()} == kept["refs"]
        assert {name: stored.id.hex() for name, stored in repo.tags()} == kept["tags"]
        assert [id.hex() for id, _, _ in repo.ops()] == [id for id, _, _ in kept["ops"]]
        for id, content in kept["complete"].items():
            check_commit(repo.view(id), content)
        report = repo.check(read_data=True)
    assert report.problems == ()


def check_commit(view, content):
    files = {path: hashlib.sha256(view.read(path)).hexdigest() for path in content["files"]}
    assert files == content["files"]
    assert set(content["files"]) <= set(view.files)
    assert list(view.messages) == content["messages"]
    assert dict(view.memories) == content["memories"]


def test_every_commit_that_is_kept_checks_out_byte_for_byte(place, kept, tmp_path):
    with ctxstore.open(place) as repo:
        for id, content in kept["complete"].items():
            check_out(repo, id, content["files"], tmp_path / id[:8])


def check_out(repo, id, files, folder):
    repo.plan_checkout(id, to=str(folder)).execute()
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    assert {path: hashlib.sha256(found[path].read_bytes()).hexdigest() for path in files} == files


@pytest.mark.parametrize("recompress", [False, True])
def test_collecting_keeps_all_that_is_not_forgotten(place, kept, recompress):
    with ctxstore.open(place) as repo:
        repo.gc(recompress=recompress)
        assert repo.check(read_data=True).problems == ()
    found = describe(verify_folder(place))
    assert found["ops"][-len(kept["ops"]) :] == kept["ops"]
    assert {**found, "ops": None} == {**kept, "ops": None}


def test_it_can_be_gone_on_with_and_undone(place, kept):
    with ctxstore.open(place) as repo:
        write(repo, "chat/a", 1)
        repo.tag("new", "chat/a")
        repo.plan_undo().execute()
    verified = verify_folder(place)
    assert verified.tags.keys() == kept["tags"].keys()
    assert len(verified.complete) == len(kept["complete"]) + 1


def test_a_commit_that_was_collected_is_told_to_be_gone(place):
    verified = verify_folder(REPOSITORY)
    with ctxstore.open(place) as repo:
        for id in verified.forgotten:
            try:
                found = repo.view(id.hex()).read("notes.txt")
            except CtxstoreError as error:
                assert error.message
                with pytest.raises(VerifyError):
                    verified.files(id)
            else:
                assert found == verified.files(id)["notes.txt"]


def test_both_golden_repositories_are_whole_for_the_verifier():
    assert len(verify_folder(OLD).complete) == 6
    assert verify_folder(REPOSITORY).litter == set()


if __name__ == "__main__":
    HOME.mkdir()
    make(REPOSITORY)
    shutil.rmtree(REPOSITORY / "cache")
    for name in ("root.lock", "writers.lock", "reserve", "root.old"):
        (REPOSITORY / name).unlink(missing_ok=True)
    whole = verify_folder(REPOSITORY)
    for key in whole.litter:
        (REPOSITORY / key).unlink()  # replaced manifests, which the next collection would delete
    CONTENT.write_text(json.dumps(describe(whole), indent=1) + "\n")
