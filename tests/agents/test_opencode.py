"""OpenCode: sessions that are restored and continued, one by one and as a whole database."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest

from tests.agents.there_and_back import ThereAndBack, then
from tests.clients.opencode import PACKAGE, OpenCode


class TestOpenCode(ThereAndBack):
    kind, package = OpenCode, PACKAGE

    @pytest.mark.usefixtures("waiting")
    def test_while_it_runs_nothing_of_its_is_replaced_unless_forced(self, scene, agent):
        """Its sessions are rows, not files."""
        error = scene.ctx.json("checkout", scene.ref, "--yes", code=4)
        assert "is running" in error["message"]
        assert "three" in texts(agent, scene.session)
        assert scene.ctx.json("checkout", scene.ref, "--as-new-session")["session"]
        assert scene.ctx.json("checkout", scene.ref, "--yes", "--force")["executed"]
        assert "three" not in texts(agent, scene.session)

    def test_it_exports_what_was_brought_back(self, scene, agent):
        scene.ctx.json("checkout", scene.ref, "--yes")
        done = agent.run(str(agent.place / PACKAGE.program), "export", scene.session)
        messages = json.loads(done.stdout)["messages"]
        assert [message["info"]["role"] for message in messages][:2] == ["user", "assistant"]
        assert "three" not in done.stdout

    def test_the_whole_database_comes_back(self, scene, agent, model):
        scene.ctx.json("checkout", "opencode/database", "--yes")
        agent.turn("again", resume=scene.session)
        assert model.last_conversation() == then(scene, "again")


def texts(agent: OpenCode, session: str) -> str:
    """Returns all texts of a session."""
    with closing(sqlite3.connect(agent.database)) as database:
        rows = database.execute("SELECT data FROM part WHERE session_id = ? ORDER BY id", (session,))
        return "\n".join(data for (data,) in rows)
