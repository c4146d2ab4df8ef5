"""GitHub Copilot CLI: sessions that are restored and continued."""

from __future__ import annotations

from tests.agents.there_and_back import ThereAndBack, said
from tests.clients.copilot import PACKAGE, Copilot


class TestCopilot(ThereAndBack):
    kind, package = Copilot, PACKAGE

    def test_up_to_a_call_it_goes_on_though_nothing_came_of_it(self, scene, agent, model):
        messages = scene.ctx.json("show", scene.ref)["messages"]
        call = next(each["id"] for each in messages if any(part["kind"] == "tool_use" for part in each["parts"]))
        new = scene.ctx.json("checkout", scene.ref, "--at-message", call)["session"]
        assert agent.turn("again", resume=new) == new
        assert said(model)[-1] == "again"

    def test_the_last_session_is_the_new_one(self, scene, agent, model):
        new = scene.ctx.json("checkout", scene.ref, "--as-new-session")["session"]
        assert agent.turn("again", "--continue") == new
        assert said(model)[-1] == "again" and "three" not in said(model)
