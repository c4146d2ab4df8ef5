"""Rows of an existing session. They are as safe as files: saved first, or not replaced without being asked to."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from ctxstore.errors import AlreadyExists, Conflict
from ctxstore.ops.checkout.placement import Placement
from ctxstore.ops.snapshot.targets import Target
from ctxstore.sources.opencode import OpenCode
from ctxstore.sources.sqlite.restore_rows import Rows
from tests.sources.homes import opencode as opencode_home
from tests.sources.homes.opencode import DATA, SESSION, add_turn

NAME = f"opencode/-home-ada-engine/{SESSION}"


@pytest.fixture
def data(tmp_path: Path, repo) -> Path:
    """OpenCode's folder with a saved session, and a later turn that is not saved."""
    opencode_home.make(tmp_path)
    source = OpenCode()
    repo.snapshot([Target(source, source.discover({"HOME": str(tmp_path)})[0])])
    with closing(sqlite3.connect(tmp_path / DATA / "opencode.db")) as database:
        add_turn(database, SESSION, 9, "Not saved yet", "No")
        database.commit()
    return tmp_path / DATA


def messages(data: Path) -> int:
    with closing(sqlite3.connect(data / "opencode.db")) as database:
        count: int = database.execute("SELECT count(*) FROM message WHERE session_id = ?", (SESSION,)).fetchone()[0]
    return count


@pytest.mark.parametrize("is_home", [False, True], ids=["mapped", "home"])
def test_rows_that_are_there_are_not_replaced_unasked(data, repo, tmp_path, is_home):
    placement = Placement(home=str(tmp_path)) if is_home else Placement(paths=(("/home/ada/engine", "/srv/engine"),))
    before = messages(data)
    plan = repo.plan_checkout(NAME, placement=placement)
    assert plan.destroys
    with pytest.raises(AlreadyExists, match="would be replaced"):
        plan.execute()
    assert messages(data) == before
    repo.plan_checkout(NAME, placement=placement).execute(overwrite=True)
    assert messages(data) == before - 2


def test_rows_are_saved_before_they_are_replaced_in_place(data, repo):
    before = messages(data)
    result = repo.plan_checkout(NAME).execute()
    assert result.safety is not None
    assert messages(data) == before - 2
    assert repo.plan_checkout(NAME).is_empty
    repo.plan_checkout(result.safety_commit.hex()).execute()
    assert messages(data) == before


def test_rows_that_change_while_they_are_saved_are_not_replaced(data, repo):
    plan = repo.plan_checkout(NAME)
    save = plan.save_first

    def save_and_write(at_risk):
        saved = save(at_risk)
        with closing(sqlite3.connect(data / "opencode.db")) as database:
            add_turn(database, SESSION, 10, "Said meanwhile", "Yes")
            database.commit()
        return saved

    plan.save_first = save_and_write
    before = messages(data)
    with pytest.raises(Conflict, match="changed while it was being restored"):
        plan.execute()
    assert messages(data) == before + 2


@pytest.mark.slow
def test_rows_that_cannot_be_read_are_not_replaced(data, repo, monkeypatch):
    monkeypatch.setattr("ctxstore.sources.sqlite.database.PATIENCE", 0.0)
    plan = repo.plan_checkout(NAME)
    with closing(sqlite3.connect(data / "opencode.db")) as database:
        database.execute("PRAGMA journal_mode = DELETE")
        database.execute("BEGIN EXCLUSIVE")
        with pytest.raises(Conflict, match="locked"):
            plan.execute()


def test_a_copy_replaces_nothing(data, repo):
    before = messages(data)
    plan = repo.plan_checkout(NAME, placement=Placement(new_session=True))
    assert not plan.destroys
    plan.execute()
    assert messages(data) == before


@pytest.mark.parametrize(
    "row",
    [
        {"table": "account", "row": {"id": "x", "email": "e", "access_token": "t"}},
        {"table": "event_sequence", "row": {"aggregate_id": "ses_other", "seq": 1}},
    ],
    ids=["another table", "another session"],
)
def test_rows_that_are_not_the_sessions_are_not_put_anywhere(data, repo, row):
    plan = repo.plan_checkout(NAME)
    (rows,) = plan.resume_target.index_entries
    assert isinstance(rows, Rows)
    hostile = rows._replace(lines=lambda: iter([*rows.lines(), json.dumps(row).encode() + b"\n"]))
    before = (data / "opencode.db").read_bytes()
    with pytest.raises(Conflict, match="would not hold exactly"):
        hostile.apply(str(data))
    assert (data / "opencode.db").read_bytes() == before


def test_a_database_that_a_program_has_open_is_not_replaced(data, repo):
    plan = repo.plan_checkout("opencode/database")
    assert plan.destroys
    code = "import sqlite3, sys; d = sqlite3.connect(sys.argv[1]); d.execute('SELECT 1 FROM session'); print(); input()"
    path = data / "opencode.db"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin and process.stdout and process.stdout.readline()
        before = path.read_bytes()
        with pytest.raises(Conflict, match=f"is open in .*{process.pid}"):
            plan.execute()
        assert path.read_bytes() == before
    assert repo.plan_checkout("opencode/database").execute().files == 2
