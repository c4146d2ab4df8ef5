"""Checkouts of threads that share history: what a fork needs comes along, and nothing that a fork needs changes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import ctxstore
from ctxstore import Placement
from ctxstore.errors import Conflict, NotFound
from ctxstore.ops.snapshot.targets import Target
from ctxstore.sources.codex import Codex
from tests.sources.homes import codex_lineage as lineage
from tests.sources.homes.codex import PROJECT
from tests.sources.homes.codex_lineage import FORK_CONTEXT, FORK_KEY, PARENT, PARENT_CONTEXT, PARENT_KEY, SEGMENT_KEY

LONGER, SHORTER = "/home/ada/another/much/longer/place/of/engines", "/w"


class Checkouts:
    """A home of threads that share history, another one, and a repository beside them."""

    def __init__(self, folder: Path, repo: ctxstore.Repo) -> None:
        self.home, self.other, self.repo = folder / "ada", folder / "other", repo

    def snap(self) -> None:
        (home,) = Codex().discover({"HOME": str(self.home)})
        self.repo.snapshot([Target(Codex(), home)])

    def check_out(self, ref: str, placement: Placement | None = None, *, overwrite: bool = False) -> str:
        """Restores a context, and returns the id of the new session, if it is one."""
        plan = self.repo.plan_checkout(ref, placement=placement)
        plan.execute(overwrite=overwrite)
        return plan.resume_target.session if plan.resume_target else ""

    def elsewhere(self, ref: str, to: str = "", **fields: object) -> str:
        paths = ((PROJECT, to),) if to else ()
        return self.check_out(ref, Placement(home=str(self.other), paths=paths, **fields))  # type: ignore[arg-type]

    def there(self) -> set[str]:
        folder = self.other / ".codex"
        return {str(path.relative_to(folder)) for path in folder.rglob("*.jsonl")}

    def path(self, key: str, home: Path | None = None) -> Path:
        return (home or self.home) / ".codex" / key


@pytest.fixture
def checkouts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Checkouts]:
    monkeypatch.setenv("HOME", str(tmp_path / "ada"))
    with ctxstore.init(tmp_path / "repository") as repo:
        yield Checkouts(tmp_path, repo)


def head(path: Path) -> dict[str, object]:
    payload: dict[str, object] = json.loads(path.read_text().partition("\n")[0])["payload"]
    return payload


def inherited(fork: Path, base: Path) -> list[str]:
    """Returns the types of the records that a rollout inherits from `base`. Fails if the end is in a record."""
    end = head(fork)["history_base"]["end_byte_offset"]  # type: ignore[index]
    data = base.read_bytes()
    assert end <= len(data)
    return [json.loads(line)["type"] for line in data[:end].splitlines()]


FIRST_RECORDS = ["session_meta", "response_item", "response_item"]


def test_a_fork_brings_the_parent_that_another_home_lacks(checkouts: Checkouts) -> None:
    lineage.make(checkouts.home, reverted=False)
    checkouts.snap()
    checkouts.elsewhere(FORK_CONTEXT)
    assert checkouts.there() == {FORK_KEY, PARENT_KEY}
    for key in (FORK_KEY, PARENT_KEY):
        assert checkouts.path(key, checkouts.other).read_bytes() == checkouts.path(key).read_bytes()
    checkouts.elsewhere(FORK_CONTEXT)  # again: nothing is in the way


@pytest.mark.parametrize("place", [SHORTER, LONGER])
def test_in_another_folder_a_fork_still_inherits_whole_records(checkouts: Checkouts, place: str) -> None:
    lineage.make(checkouts.home, reverted=False)
    checkouts.snap()
    checkouts.elsewhere(FORK_CONTEXT, place)
    fork, parent = (checkouts.path(key, checkouts.other) for key in (FORK_KEY, PARENT_KEY))
    assert (head(fork)["cwd"], head(parent)["cwd"]) == (place, place)
    assert inherited(fork, parent) == FIRST_RECORDS


@pytest.mark.parametrize("place", [SHORTER, LONGER])
def test_a_parent_restored_before_its_fork_is_not_touched(checkouts: Checkouts, place: str) -> None:
    lineage.make(checkouts.home, reverted=False)
    checkouts.snap()
    checkouts.elsewhere(PARENT_CONTEXT, place)
    parent = checkouts.path(PARENT_KEY, checkouts.other)
    grown = parent.read_bytes() + b'{"ordinal":5,"type":"event_msg","payload":{}}\n'
    parent.write_bytes(grown)
    checkouts.elsewhere(FORK_CONTEXT, place)
    assert parent.read_bytes() == grown
    assert inherited(checkouts.path(FORK_KEY, checkouts.other), parent) == FIRST_RECORDS


@pytest.mark.parametrize("place", [SHORTER, LONGER])
def test_rollouts_of_one_thread_move_together(checkouts: Checkouts, place: str) -> None:
    lineage.make(checkouts.home, forked=False)
    checkouts.snap()
    checkouts.elsewhere(PARENT_CONTEXT, place)
    segment, first = (checkouts.path(key, checkouts.other) for key in (SEGMENT_KEY, PARENT_KEY))
    assert head(segment)["cwd"] == head(first)["cwd"] == place
    assert inherited(segment, first) == FIRST_RECORDS


@pytest.mark.parametrize("place", [SHORTER, LONGER])
def test_a_fork_alone_moves_in_place_and_its_parent_stays(checkouts: Checkouts, place: str) -> None:
    lineage.make(checkouts.home, reverted=False)
    checkouts.snap()
    before = checkouts.path(PARENT_KEY).read_bytes()
    checkouts.check_out(FORK_CONTEXT, Placement(paths=((PROJECT, place),)), overwrite=True)
    assert head(checkouts.path(FORK_KEY))["cwd"] == place
    assert checkouts.path(PARENT_KEY).read_bytes() == before
    assert inherited(checkouts.path(FORK_KEY), checkouts.path(PARENT_KEY)) == FIRST_RECORDS


def test_a_parent_is_not_moved_in_place_while_a_fork_continues_it(checkouts: Checkouts) -> None:
    lineage.make(checkouts.home, reverted=False)
    checkouts.snap()
    before = checkouts.path(PARENT_KEY).read_bytes()
    with pytest.raises(Conflict, match=lineage.FORK):
        checkouts.check_out(PARENT_CONTEXT, Placement(paths=((PROJECT, SHORTER),)), overwrite=True)
    assert checkouts.path(PARENT_KEY).read_bytes() == before


def test_an_older_state_is_refused_only_if_a_fork_needs_more(checkouts: Checkouts) -> None:
    lineage.make(checkouts.home, reverted=False, forked=False)
    for lines in (lineage.start().meta(PARENT), lineage.FIRST, lineage.WHOLE):
        checkouts.path(PARENT_KEY).write_text(lines.text)
        checkouts.snap()
    checkouts.path(FORK_KEY).write_text(lineage.fork().text)
    checkouts.snap()
    checkouts.check_out(f"{PARENT_CONTEXT}~1")
    assert checkouts.path(PARENT_KEY).read_text() == lineage.FIRST.text
    with pytest.raises(Conflict, match=lineage.FORK):
        checkouts.check_out(f"{PARENT_CONTEXT}~2")


def test_a_new_session_of_a_fork_continues_the_same_parent(checkouts: Checkouts) -> None:
    lineage.make(checkouts.home, reverted=False)
    checkouts.snap()
    session = checkouts.check_out(FORK_CONTEXT, Placement(new_session=True))
    (path,) = (checkouts.home / ".codex").rglob(f"*{session}.jsonl")
    assert head(path)["id"] == session
    assert inherited(path, checkouts.path(PARENT_KEY)) == FIRST_RECORDS


def test_up_to_an_inherited_message_a_new_session_is_made_of_the_parent(checkouts: Checkouts) -> None:
    lineage.make(checkouts.home, reverted=False)
    checkouts.snap()
    session = checkouts.check_out(FORK_CONTEXT, Placement(until="1"))
    (path,) = (checkouts.home / ".codex").rglob(f"*{session}.jsonl")
    records = [json.loads(line) for line in path.read_text().splitlines()]
    assert [record["type"] for record in records] == FIRST_RECORDS[:2]
    assert records[0]["payload"]["id"] == session


def test_a_new_session_of_a_reverted_thread_elsewhere_brings_what_it_continues(checkouts: Checkouts) -> None:
    lineage.make(checkouts.home, forked=False)
    checkouts.snap()
    session = checkouts.elsewhere(PARENT_CONTEXT, LONGER, new_session=True)
    (path,) = (checkouts.other / ".codex").rglob(f"*{session}.jsonl")
    assert checkouts.there() == {PARENT_KEY, str(path.relative_to(checkouts.other / ".codex"))}
    assert inherited(path, checkouts.path(PARENT_KEY, checkouts.other)) == FIRST_RECORDS


def test_in_place_a_fork_brings_back_the_parent_that_is_gone(checkouts: Checkouts) -> None:
    lineage.make(checkouts.home, reverted=False)
    checkouts.snap()
    for key in (PARENT_KEY, FORK_KEY):
        checkouts.path(key).unlink()
    checkouts.check_out(FORK_CONTEXT)
    assert checkouts.path(PARENT_KEY).read_text() == lineage.WHOLE.text
    assert checkouts.path(FORK_KEY).read_text() == lineage.fork().text


def test_another_file_in_the_parents_place_is_a_conflict(checkouts: Checkouts) -> None:
    lineage.make(checkouts.home, reverted=False)
    checkouts.snap()
    place = checkouts.path(PARENT_KEY, checkouts.other)
    place.parent.mkdir(parents=True)
    place.write_text("{}\n")
    with pytest.raises(Conflict, match=PARENT):
        checkouts.elsewhere(FORK_CONTEXT)


def test_a_parent_that_no_context_has_is_named(checkouts: Checkouts) -> None:
    lineage.make(checkouts.home, reverted=False)
    checkouts.path(PARENT_KEY).unlink()
    checkouts.snap()
    with pytest.raises(NotFound, match=PARENT):
        checkouts.elsewhere(FORK_CONTEXT)
