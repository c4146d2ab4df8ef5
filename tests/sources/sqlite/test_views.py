"""A view in place of a table. It is no table, because reading it may never end."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from ctxstore.sources.opencode import OpenCode
from ctxstore.sources.protocol import Skipped
from tests.sources.homes import opencode as home
from tests.sources.homes.opencode import DATA, SESSION

ENDLESS = f"""
ALTER TABLE message RENAME TO messages;
CREATE VIEW message AS WITH RECURSIVE more (id, session_id, time_created, time_updated, data) AS
    (SELECT 'x', '{SESSION}', 1, 1, '{{}}' UNION ALL SELECT id, session_id, 1, 1, data FROM more) SELECT * FROM more;
"""


def test_a_view_without_an_end_is_not_read(tmp_path: Path) -> None:
    home.make(tmp_path)
    with closing(sqlite3.connect(tmp_path / DATA / "opencode.db")) as database:
        database.executescript(ENDLESS)
    source = OpenCode()
    root = source.discover({"HOME": str(tmp_path)})[0]
    skipped: list[Skipped] = []
    found = source.find_context(root, f"opencode/-home-ada-engine/{SESSION}", skipped.append)
    assert found is None
    assert [each.reason for each in skipped] == ["it has a view in a table's place: to read that may take for ever"]
