"""Claude Code: sessions that are restored and continued."""

from __future__ import annotations

import pytest

from tests.agents.there_and_back import ThereAndBack, message_saying, then
from tests.clients.claude import PACKAGE, Claude


class TestClaudeCode(ThereAndBack):
    kind, package = Claude, PACKAGE

    def test_it_takes_the_new_session_for_the_one_to_continue(self, scene, agent, model):
        new = scene.ctx.json("checkout", scene.ref, "--as-new-session")["session"]
        assert agent.turn("again", "--continue") == new
        assert model.last_conversation() == then(scene, "again")

    @pytest.mark.parametrize("name", ["a b 😀", "x" * 120 + "/" + "y" * 120], ids=["beyond 16 bits", "beyond 200"])
    def test_in_a_project_of_any_name_it_is_the_one_to_continue(self, scene, model, tmp_path, name):
        there = scene.agent(model, home=tmp_path / "home", project=tmp_path / name)
        scene.ctx.json(
            *("checkout", scene.ref, "--home", str(there.home), "--map-path", f"{scene.project}={there.project}")
        )
        assert there.turn("again", "--continue") == scene.session
        assert model.last_conversation() == then(scene, "again")
        assert len(there.sessions()) == 1

    def test_what_was_compacted_comes_back_as_it_was_said(self, scene, agent, model):
        agent.turn("/compact", resume=scene.session)
        agent.turn("four", resume=scene.session)
        scene.ctx.json("snapshot")
        whole = scene.ctx.json("checkout", scene.ref, "--as-new-session")["session"]
        before = scene.ctx.json("checkout", scene.ref, "--at-message", message_saying(scene, "REPLY 3"))["session"]
        agent.turn("again", resume=scene.session)
        compacted = model.last_conversation()
        agent.turn("again", resume=whole)
        assert model.last_conversation() == compacted
        agent.turn("again", resume=before)
        assert model.last_conversation() == then(scene, "again")
        assert compacted[:2] != scene.two_turns[:2]
