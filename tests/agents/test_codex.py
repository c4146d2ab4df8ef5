"""Codex: there and back, and its own list of threads."""

from __future__ import annotations

from tests.agents.there_and_back import ThereAndBack
from tests.clients.codex import PACKAGE, Codex


class TestCodex(ThereAndBack):
    kind, package = Codex, PACKAGE

    def test_its_list_shows_the_new_session_before_it_is_gone_on_with(self, scene, agent):
        new = scene.ctx.json("checkout", scene.ref, "--as-new-session")["session"]
        threads = agent.listed()
        assert set(threads) == {scene.session, new}
        assert threads[new]["cwd"] == str(scene.project)
        assert threads[new]["preview"] == threads[scene.session]["preview"] == "one"
        assert new in threads[new]["path"]

    def test_its_list_shows_the_session_in_another_home_and_project(self, scene, model, tmp_path):
        there = scene.agent(model, home=tmp_path / "home", project=tmp_path / "project")
        there.turn("something else")
        scene.ctx.json(
            *("checkout", scene.ref, "--home", str(there.home), "--map-path", f"{scene.project}={there.project}")
        )
        thread = there.listed()[scene.session]
        assert thread["cwd"] == str(there.project)
        assert thread["path"].startswith(str(there.home))

    def test_its_view_of_the_thread_has_the_turns_it_goes_on_from_and_no_others(self, scene, agent):
        scene.ctx.json("checkout", scene.ref, "--yes")
        agent.turn("again", resume=scene.session)
        thread = agent.ask("thread/read", threadId=scene.session, includeTurns=True)["thread"]
        asked = [item["content"][0]["text"] for turn in thread["turns"] for item in turn["items"][:1]]
        assert asked == ["one", "two", "again"]
