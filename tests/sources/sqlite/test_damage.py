"""Damaged databases. Readable rows are read, and the others reported. Nothing else fails."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from ctxstore.errors import SourceError
from ctxstore.sources.protocol import Skipped
from ctxstore.sources.registry import get_source
from tests.sources.homes import cursor, goose, opencode

HOMES = {
    "opencode": (opencode, f"{opencode.DATA}/opencode.db"),
    "goose": (goose, f"{goose.DATA}/sessions/sessions.db"),
    "cursor": (cursor, f"{cursor.EDITOR}/globalStorage/state.vscdb"),
}


@pytest.mark.parametrize("name", sorted(HOMES))
@pytest.mark.parametrize("seed", range(12))
def test_any_bytes_may_be_damaged(tmp_path: Path, name: str, seed: int) -> None:
    home, key = HOMES[name]
    home.make(tmp_path)
    database, chance, source = tmp_path / key, random.Random(seed), get_source(name)
    whole = database.read_bytes()
    for _ in range(8):
        data = bytearray(whole)
        for _ in range(chance.choice((1, 10, 100))):
            data[chance.randrange(len(data) if chance.random() < 0.8 else 200)] = chance.randrange(256)
        database.write_bytes(data[: chance.choice((len(data), len(data) - chance.randrange(len(data))))])
        for left in (f"{database}-wal", f"{database}-shm"):
            Path(left).unlink(missing_ok=True)
        before = sorted(path.name for path in database.parent.iterdir())
        skipped: list[Skipped] = []
        for root in source.discover({"HOME": str(tmp_path)}):
            for context in source.contexts(root, skipped.append):
                for content in (file.content for file in context.files if file.content):
                    try:
                        list(source.messages(content()))
                    except SourceError as error:
                        assert error.message
        assert sorted(path.name for path in database.parent.iterdir()) == before
    shutil.rmtree(tmp_path / key.partition("/")[0])
