"""A full disk. Acknowledged data survives, and a collection frees space."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

import ctxstore.repo.init
import ctxstore.repo.open
from ctxstore.errors import NoSpace
from ctxstore.ops.retention.policy import Policy
from ctxstore.storage import descriptor, entries, files
from tests.faults.acknowledged import Ledger, commit_next, content_of, parse_note
from tests.faults.broken_files import FullDisk
from tests.marks import slow_except

ROOM = 700 << 10


@pytest.fixture
def disk(memory_path: Path, monkeypatch: pytest.MonkeyPatch) -> FullDisk:
    """A small disk with an empty repository on it."""
    made = FullDisk(str(memory_path), ROOM)
    monkeypatch.setattr(files, "os", made.os)
    monkeypatch.setattr(entries, "os", made.os)
    monkeypatch.setattr(descriptor, "os", made.os)
    monkeypatch.setattr(files, "fcntl", made.fcntl)
    ctxstore.repo.init.init(memory_path / "repository").close()
    return made


@pytest.mark.parametrize("seed", slow_except(0, 1, of=range(8)))
def test_what_was_acknowledged_stays_on_a_full_disk_and_forgetting_makes_room(disk: FullDisk, seed: int) -> None:
    place, ledger, source = os.path.join(disk.folder, "repository"), Ledger(), random.Random(seed)
    with ctxstore.repo.open.open(place) as repo:
        full = 0
        while full < 3:  # larger commits fail before smaller ones
            ref = f"chat/{source.randrange(3)}"
            try:
                made = commit_next(repo, ref, f"{source.random()}")
                ledger.add(ref, made.id, content_of(parse_note(made.commit.note)))
            except NoSpace as error:
                assert error.hint
                full += 1
        ledger.verify(place)
    with ctxstore.repo.open.open(place) as repo:
        room = disk.room()
        print(f"seed {seed}: {len(ledger.commits)} commits, {room} bytes left")
        for ref in list({ref for ref, _ in ledger.heads}):
            ledger.allow_forgetting(ref)
        repo.forget(Policy(last=1))
        repo.gc()
        assert disk.room() > room + ROOM // 4
        made = commit_next(repo, "chat/0", "after")
        ledger.add("chat/0", made.id, content_of(parse_note(made.commit.note)))
        repo.gc()
    assert ledger.verify(place).litter == set()
