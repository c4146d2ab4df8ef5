"""Runs as root in the folders of another user. That user can continue with everything that root left."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import traceback
from pathlib import Path

import pytest

import ctxstore

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may make files of other users")

ADA = 12345
SESSION = "11111111-2222-4333-8444-555555555555"


@pytest.fixture
def home(tmp_path):
    """The home folder of another user, below folders that everyone may pass."""
    for folder in (tmp_path, *tmp_path.parents):
        os.chmod(folder, folder.stat().st_mode | 0o011)
    made = tmp_path / "ada"
    made.mkdir(0o700)
    os.chown(made, ADA, ADA)
    return made


def work(place, words):
    """Writes everything that a repository consists of."""
    with ctxstore.open(place) as repo:
        draft = repo.edit("chat/x")
        draft.messages.append({"role": "user", "content": words})
        draft.commit(words)
        repo.search(words)
        repo.gc(recompress=True)
        assert not repo.check(read_data=True).problems


def as_ada(function, *arguments):
    """Calls a function in a child process of Ada's. All of its modules must be loaded already."""
    child = os.fork()
    if not child:
        try:
            os.setgroups([])
            os.setgid(ADA)
            os.setuid(ADA)
            function(*arguments)
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def owners(folder):
    return {
        os.lstat(os.path.join(path, name)).st_uid
        for path, folders, names in os.walk(folder)
        for name in folders + names
    }


def test_everything_that_root_makes_belongs_to_the_owner_of_the_folder(home):
    ctxstore.init(home / "a/store").close()
    work(home / "a/store", "by root")
    assert {"root", "config", "writers.lock"} <= set(os.listdir(home / "a/store"))
    assert owners(home) == {ADA}


def test_the_owner_continues_after_root_and_root_after_the_owner(home):
    ctxstore.init(home / "store").close()
    for turn in range(3):
        work(home / "store", f"by root {turn}")
        as_ada(work, home / "store", f"by ada {turn}")
    with ctxstore.open(home / "store") as repo:
        assert len(list(repo.log("chat/x"))) == 6
    assert owners(home) == {ADA}


def test_a_repository_of_root_stays_root_s(tmp_path):
    ctxstore.init(tmp_path / "store").close()
    work(tmp_path / "store", "by root")
    assert owners(tmp_path) == {0}


def test_the_user_s_own_repository_and_the_state_of_hooks_stay_the_user_s(home):
    session = home / f".claude/projects/-home-ada/{SESSION}.jsonl"
    session.parent.mkdir(parents=True)
    session.write_text(json.dumps({"type": "user", "message": {"role": "user", "content": "hello"}}) + "\n")
    for path, folders, names in os.walk(home):
        for name in folders + names:
            os.chown(os.path.join(path, name), ADA, ADA)
    environment = {"HOME": str(home), "PATH": os.environ["PATH"]}
    ctx = Path(sys.executable).with_name("ctx")
    subprocess.run([ctx, "snapshot"], env=environment, cwd=home, check=True, capture_output=True)
    with session.open("a") as file:
        file.write(json.dumps({"type": "user", "message": {"role": "user", "content": "more"}}) + "\n")
    payload = {"hook_event_name": "PreCompact", "session_id": SESSION, "transcript_path": str(session)}
    hook = [ctx, "hook", "claude-code", "PreCompact"]
    subprocess.run(hook, input=json.dumps(payload), text=True, env=environment, cwd=home, check=True)
    assert (home / ".local/state/ctxstore/hooks/lock").exists()
    assert owners(home) == {ADA}
