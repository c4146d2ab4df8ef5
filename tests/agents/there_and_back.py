"""The tests for every agent whose sessions can be restored. The real agent continues each restored session.

The model's next request shows what the agent read.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest

from tests.agents.scene import Scene
from tests.clients.client import Talker
from tests.clients.model.replies import Turn
from tests.clients.model.server import ModelServer
from tests.clients.package import Package


class ThereAndBack:
    """The tests for an agent. A derived class names the agent. The fixtures are in conftest.py."""

    kind: ClassVar[type[Talker]]
    package: ClassVar[Package]

    def test_the_model_heard_two_turns_before_the_third(self, scene):
        first, second = scene.two_turns[:2], scene.two_turns[2:]
        assert first == [("user", "one"), ("assistant", "REPLY 1")]
        assert [turn.role for turn in second] == ["user", "call", "result", "assistant"]
        assert (second[0].text, second[-1].text) == ("two", "REPLY 3")
        assert (scene.project / "made.txt").read_text() == "made"

    def test_checked_out_in_place_it_goes_on_after_the_second_turn(self, scene, agent, model):
        done = scene.ctx.json("checkout", scene.ref, "--yes")
        assert done["in_place"] and done["result"]["safety"]
        assert agent.turn("again", resume=scene.session) == scene.session
        assert model.last_conversation() == then(scene, "again")
        assert agent.sessions() == [scene.session]

    def test_what_a_checkout_in_place_replaced_comes_back_the_same_way(self, scene, agent, model):
        saved_on_the_way = scene.ctx.json("checkout", scene.ref, "--yes")["result"]["safety_commit"]
        assert scene.ctx.json("log", scene.ref)["commits"][0]["id"] != saved_on_the_way
        scene.ctx.json("checkout", saved_on_the_way, "--yes")
        agent.turn("again", resume=scene.session)
        assert model.last_conversation()[:-2] == then(scene, "three")

    def test_as_a_new_session_it_goes_on_beside_the_original(self, scene, agent, model):
        before = scene.files()
        new = scene.ctx.json("checkout", scene.ref, "--as-new-session")["session"]
        assert {path: data for path, data in scene.files().items() if path in before} == before
        assert agent.sessions() == sorted([scene.session, new])
        assert agent.turn("again", resume=new) == new
        assert model.last_conversation() == then(scene, "again")
        assert agent.turn("four", resume=scene.session) == scene.session
        assert model.last_conversation()[:-2] == then(scene, "three")
        assert said(model)[-1] == "four"

    def test_in_a_fresh_home_and_another_project_it_goes_on(self, scene, model, tmp_path):
        before = everything(scene.home)
        there = scene.agent(model, home=tmp_path / "other home", project=tmp_path / "other.project")
        scene.ctx.json(
            *("checkout", scene.ref, "--home", str(there.home), "--map-path", f"{scene.project}={there.project}")
        )
        assert there.sessions() == [scene.session]
        assert there.turn("again", resume=scene.session) == scene.session
        assert model.last_conversation() == then(scene, "again")
        assert everything(scene.home) == before

    def test_up_to_a_message_it_goes_on_from_there_as_a_new_session(self, scene, agent, model):
        scene.ctx.json("snapshot")
        before = scene.files()
        second = message_saying(scene, "REPLY 3")
        new = scene.ctx.json("checkout", scene.ref, "--at-message", second)["session"]
        assert {path: data for path, data in scene.files().items() if path in before} == before
        assert agent.turn("again", resume=new) == new
        assert model.last_conversation() == then(scene, "again")

    def test_as_a_new_session_elsewhere_up_to_a_message_it_goes_on(self, scene, model, tmp_path):
        there = scene.agent(model, home=tmp_path / "home", project=tmp_path / "project")
        new = scene.ctx.json(
            *("checkout", scene.ref, "--home", str(there.home), "--map-path", f"{scene.project}={there.project}"),
            *("--at-message", message_saying(scene, "REPLY 1")),
        )["session"]
        assert there.turn("again", resume=new) == new
        assert said(model) == ["one", "REPLY 1", "again"]

    @pytest.mark.parametrize("kind_of_part", ["tool_use", "tool_result"])
    def test_up_to_the_middle_of_a_turn_it_goes_on_too(self, scene, agent, model, kind_of_part):
        """The agent may add anything in place of the missing answer."""
        messages = scene.ctx.json("show", scene.ref)["messages"]
        middle = next(each["id"] for each in messages if any(part["kind"] == kind_of_part for part in each["parts"]))
        new = scene.ctx.json("checkout", scene.ref, "--at-message", middle)["session"]
        assert agent.turn("again", resume=new) == new
        assert model.last_conversation()[:4] == scene.two_turns[:4]
        assert said(model)[-1] == "again" and "REPLY 3" not in said(model)

    @pytest.mark.usefixtures("waiting")
    def test_while_it_runs_nothing_of_its_is_replaced_unless_forced(self, scene):
        error = scene.ctx.json("checkout", scene.ref, "--yes", code=4)
        assert "is running" in error["message"]
        assert b'"three"' in b"".join(scene.files().values())
        assert scene.ctx.json("checkout", scene.ref, "--as-new-session")["session"]
        assert scene.ctx.json("checkout", scene.ref, "--yes", "--force")["executed"]
        assert b'"three"' not in b"".join(scene.files().values())


def then(scene: Scene, text: str) -> list[Turn]:
    """Returns the two turns and a new one."""
    return [*scene.two_turns, Turn("user", text)]


def said(model: ModelServer) -> list[str]:
    """Returns the texts of the last conversation."""
    return [turn.text for turn in model.last_conversation()]


def message_saying(scene: Scene, text: str) -> str:
    """Finds the id of the message with this text."""
    messages = scene.ctx.json("show", scene.ref)["messages"]
    return next(each["id"] for each in messages if any(part.get("text") == text for part in each["parts"]))


def everything(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Reads all files below a folder, with the time of each file's last change."""
    return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.rglob("*") if path.is_file()}
