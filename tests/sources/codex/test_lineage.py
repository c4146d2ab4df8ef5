"""Threads whose rollouts continue others: what is shown, counted, compared and found of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import zstandard

import ctxstore
from ctxstore.ops.content.conversation import history_of, iter_messages
from ctxstore.ops.snapshot.targets import Target
from ctxstore.sources.codex import Codex
from tests.sources.homes import codex_lineage as lineage
from tests.sources.homes.codex_lineage import FORK_CONTEXT, FORK_KEY, PARENT_CONTEXT, PARENT_KEY, SEGMENT_KEY

FIRST_TURN = ["Oil the wheels é", "Oiled."]
SECOND_TURN = ["Paint them", "Red."]
AFTER_REVERT = ["Polish them", "Polished."]
FORKED = ["And gears?", "Those too."]


class Saved:
    """A home of threads that share history, and a repository beside it."""

    def __init__(self, folder: Path, repo: ctxstore.Repo) -> None:
        self.home, self.repo = folder / "ada", repo

    def snap(self) -> None:
        (home,) = Codex().discover({"HOME": str(self.home)})
        self.repo.snapshot([Target(Codex(), home)])

    def path(self, key: str) -> Path:
        return self.home / ".codex" / key

    def texts(self, ref: str) -> list[str]:
        return [m.parts[0].text for m in iter_messages(self.repo.view(ref)) if m.role in ("user", "assistant")]

    def count(self, ref: str) -> int | None:
        return self.repo.view(ref).commit.summary.messages


@pytest.fixture
def saved(tmp_path: Path) -> Iterator[Saved]:
    with ctxstore.init(tmp_path / "repository") as repo:
        yield Saved(tmp_path, repo)


def test_a_fork_is_shown_and_counted_with_what_it_inherits(saved: Saved) -> None:
    lineage.make(saved.home)
    saved.snap()
    assert saved.texts(FORK_CONTEXT) == FIRST_TURN + FORKED
    assert saved.count(FORK_CONTEXT) == 4
    messages = [m for m in iter_messages(saved.repo.view(FORK_CONTEXT)) if m.role != "meta"]
    assert [m.is_inherited for m in messages] == [True, True, False, False]
    assert [m.parent for m in messages] == [None, *(m.id for m in messages[:-1])]


def test_a_reverted_thread_is_shown_as_it_is_now_and_as_it_was(saved: Saved) -> None:
    lineage.make(saved.home, reverted=False)
    saved.snap()
    assert saved.texts(PARENT_CONTEXT) == FIRST_TURN + SECOND_TURN
    lineage.make(saved.home)
    saved.snap()
    assert saved.texts(PARENT_CONTEXT) == FIRST_TURN + AFTER_REVERT
    assert saved.count(PARENT_CONTEXT) == 4
    assert saved.texts(f"{PARENT_CONTEXT}~1") == FIRST_TURN + SECOND_TURN
    found = saved.repo.diff(f"{PARENT_CONTEXT}~1", PARENT_CONTEXT)
    spoken = [[m.parts[0].text for m in side if m.role != "meta"] for side in (found.removed, found.added)]
    assert spoken == [SECOND_TURN, AFTER_REVERT]
    assert saved.repo.view(PARENT_CONTEXT).read(PARENT_KEY).decode() == lineage.WHOLE.text


def test_a_message_added_after_a_revert_is_counted_once(saved: Saved) -> None:
    lineage.make(saved.home)
    saved.snap()
    more = lineage.segment(history_base=lineage.FIRST.base(lineage.PARENT)).turn("And again", "Done.")
    saved.path(SEGMENT_KEY).write_text(more.text)
    saved.snap()
    assert saved.count(PARENT_CONTEXT) == 6 == len(saved.texts(PARENT_CONTEXT))


def test_without_a_base_all_that_precedes_is_shown(saved: Saved) -> None:
    lineage.make(saved.home, forked=False)
    saved.path(SEGMENT_KEY).write_text(lineage.segment().text)
    saved.snap()
    assert saved.texts(PARENT_CONTEXT) == FIRST_TURN + SECOND_TURN + AFTER_REVERT
    assert saved.count(PARENT_CONTEXT) == 6


def test_a_fork_of_a_reverted_thread_inherits_from_its_segment(saved: Saved) -> None:
    lineage.make(saved.home, forked=False)
    segment = lineage.segment(history_base=lineage.FIRST.base(lineage.PARENT))
    saved.path(FORK_KEY).write_text(lineage.fork(segment, lineage.SEGMENT).text)
    saved.snap()
    assert saved.texts(FORK_CONTEXT) == FIRST_TURN + AFTER_REVERT + FORKED
    assert saved.count(FORK_CONTEXT) == 6


def test_a_packed_parent_is_read_too(saved: Saved) -> None:
    lineage.make(saved.home, reverted=False)
    path = saved.path(PARENT_KEY)
    path.with_name(path.name + ".zst").write_bytes(zstandard.ZstdCompressor().compress(path.read_bytes()))
    path.unlink()
    saved.snap()
    assert saved.texts(FORK_CONTEXT) == FIRST_TURN + FORKED
    assert saved.count(FORK_CONTEXT) == 4


def test_a_parent_that_is_not_saved_is_named(saved: Saved) -> None:
    lineage.make(saved.home, reverted=False)
    saved.path(PARENT_KEY).unlink()
    saved.snap()
    assert saved.texts(FORK_CONTEXT) == FORKED
    assert saved.count(FORK_CONTEXT) == 2
    history = history_of(saved.repo.view(FORK_CONTEXT))
    assert history is not None and [lineage.PARENT in base for base in history.bases] == [True]


def test_a_parent_that_was_cut_since_is_read_as_it_was(saved: Saved) -> None:
    lineage.make(saved.home, reverted=False)
    saved.snap()
    saved.path(PARENT_KEY).write_text(lineage.start().meta(lineage.PARENT).text)
    saved.snap()
    assert saved.texts(FORK_CONTEXT) == FIRST_TURN + FORKED


def test_rollouts_that_continue_each_other_end(saved: Saved) -> None:
    lineage.make(saved.home, reverted=False)
    base = lineage.fork().base(lineage.FORK)
    saved.path(PARENT_KEY).write_text(lineage.start().meta(lineage.PARENT, history_base=base).turn("a", "b").text)
    saved.snap()
    assert saved.texts(FORK_CONTEXT)[-2:] == FORKED


def test_what_is_inherited_is_found(saved: Saved) -> None:
    lineage.make(saved.home)
    saved.snap()
    (hit,) = saved.repo.search("wheels").hits
    assert {holder.ref for holder in hit.holders} == {PARENT_CONTEXT, FORK_CONTEXT}
    assert hit.message.parts[0].text == FIRST_TURN[0]
    (hit,) = saved.repo.search("Polished").hits
    assert {holder.ref for holder in hit.holders} == {PARENT_CONTEXT}
