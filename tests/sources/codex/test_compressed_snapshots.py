"""Sessions that Codex compresses or archives. In a repository each remains the same conversation."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import zstandard

import ctxstore
from ctxstore.ops.content.conversation import iter_messages
from ctxstore.ops.snapshot.targets import Target
from ctxstore.sources.codex import Codex
from tests.sources.homes import codex
from tests.sources.homes.codex import ARCHIVED_KEY, CONTEXT, DAY, KEY, PACKED, line, rollout, spoken


class Saved:
    """A home with a repository beside it."""

    def __init__(self, folder: Path, repo: ctxstore.Repo) -> None:
        codex.make(folder / "ada")
        self.root = Codex().discover({"HOME": str(folder / "ada")})[0]
        self.repo = repo

    def snap(self) -> None:
        self.repo.snapshot([Target(Codex(), self.root)])

    def path(self, key: str) -> Path:
        return Path(self.root.path, key)

    def messages(self, ref: str) -> list[str]:
        view = self.repo.view(ref)
        return [m.parts[0].text for m in iter_messages(view) if m.role in ("user", "assistant", "tool", "system")]


@pytest.fixture
def saved(tmp_path: Path) -> Iterator[Saved]:
    with ctxstore.init(tmp_path / "repository") as repo:
        yield Saved(tmp_path, repo)


def pack(path: Path) -> None:
    packed = zstandard.ZstdCompressor().compress(path.read_bytes())
    path.with_name(path.name + ".zst").write_bytes(packed)
    path.unlink()


def test_a_packed_session_is_read_and_counted_as_the_plain_one(saved: Saved) -> None:
    saved.snap()
    for ref in (CONTEXT, f"codex/{DAY}/{PACKED}"):
        assert len(saved.messages(ref)) == saved.repo.view(ref).commit.summary.messages == 9


def test_packing_a_session_changes_no_message(saved: Saved) -> None:
    saved.snap()
    pack(saved.path(KEY))
    saved.snap()
    found = saved.repo.diff(f"{CONTEXT}~1", CONTEXT)
    assert not (found.added or found.removed or found.edited or found.rerooted)
    assert {(change.path, change.status) for change in found.files} == {(KEY, "removed"), (KEY + ".zst", "added")}
    assert saved.repo.view(CONTEXT).commit.summary.title == "Oil the wheels"


def test_what_was_added_since_it_was_packed_is_the_difference(saved: Saved) -> None:
    pack(saved.path(KEY))
    saved.snap()
    saved.path(KEY + ".zst").unlink()
    more = line("response_item", spoken("user", "And the doors", id="msg_5"))
    saved.path(KEY).write_text(rollout() + more)
    saved.snap()
    assert [message.id for message in saved.repo.diff(f"{CONTEXT}~1", CONTEXT).added] == ["msg_5"]
    assert saved.repo.view(CONTEXT).commit.summary.messages == 10


def test_archiving_a_session_changes_its_place_only(saved: Saved) -> None:
    saved.snap()
    os.rename(saved.path(KEY), saved.path(f"{os.path.dirname(ARCHIVED_KEY)}/{os.path.basename(KEY)}"))
    saved.snap()
    found = saved.repo.diff(f"{CONTEXT}~1", CONTEXT)
    assert not (found.added or found.removed or found.edited)
    assert saved.messages(CONTEXT) == saved.messages(f"{CONTEXT}~1")


def test_a_session_that_grew_is_added_to(saved: Saved) -> None:
    saved.snap()
    with saved.path(KEY).open("a") as file:
        file.write(line("response_item", spoken("user", "And the doors", id="msg_5")))
        file.write(line("event_msg", {"type": "user_message", "message": "And the doors"}))
    saved.snap()
    added = saved.repo.diff(f"{CONTEXT}~1", CONTEXT).added
    assert [(message.id, message.role) for message in added if message.role != "meta"] == [("msg_5", "user")]
    assert saved.repo.view(CONTEXT).commit.summary.messages == 10
