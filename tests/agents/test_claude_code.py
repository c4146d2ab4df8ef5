"""Claude Code: there and back."""

from __future__ import annotations

from tests.agents.there_and_back import ThereAndBack, then
from tests.clients.claude import PACKAGE, Claude


class TestClaudeCode(ThereAndBack):
    kind, package = Claude, PACKAGE

    def test_it_takes_the_new_session_for_the_one_to_continue(self, scene, agent, model):
        new = scene.ctx.json("checkout", scene.ref, "--as-new-session")["session"]
        assert agent.turn("again", "--continue") == new
        assert model.last_conversation() == then(scene, "again")
