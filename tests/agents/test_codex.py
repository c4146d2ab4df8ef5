"""Codex: sessions that are restored and continued, and the lists and views that it offers editors."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import zstandard

from tests.agents.there_and_back import ThereAndBack, message_saying
from tests.clients.codex import PACKAGE, Codex


class TestCodex(ThereAndBack):
    kind, package = Codex, PACKAGE

    def test_its_list_shows_the_new_session_before_it_is_gone_on_with(self, scene, agent):
        new = scene.ctx.json("checkout", scene.ref, "--as-new-session")["session"]
        threads = agent.listed(useStateDbOnly=True)
        assert set(threads) == {scene.session, new}
        assert threads[new]["cwd"] == str(scene.project)
        assert threads[new]["preview"] == threads[scene.session]["preview"] == "one"
        assert new in threads[new]["path"]

    def test_without_the_row_its_list_does_not(self, scene, agent):
        new = scene.ctx.json("checkout", scene.ref, "--as-new-session")["session"]
        (path,) = agent.home.glob(".codex/state_*.sqlite")
        with closing(sqlite3.connect(path)) as database, database:
            database.execute("DELETE FROM threads WHERE id = ?", (new,))
        assert set(agent.listed(useStateDbOnly=True)) == {scene.session}

    def test_without_its_databases_it_finds_all_sessions(self, scene, agent):
        new = scene.ctx.json("checkout", scene.ref, "--as-new-session")["session"]
        for path in agent.home.glob(".codex/*.sqlite*"):
            path.unlink()
        assert set(agent.listed()) == {scene.session, new}

    def test_its_list_shows_the_session_in_another_home_and_project(self, scene, model, tmp_path):
        there = scene.agent(model, home=tmp_path / "home", project=tmp_path / "project")
        there.turn("something else")
        scene.ctx.json(
            *("checkout", scene.ref, "--home", str(there.home), "--map-path", f"{scene.project}={there.project}")
        )
        thread = there.listed(useStateDbOnly=True)[scene.session]
        assert thread["cwd"] == str(there.project)
        assert thread["path"].startswith(str(there.home))

    def test_turns_that_were_taken_back_are_not_shown_any_more(self, scene, agent):
        assert agent.shown(scene.session) == ["one", "two", "three"]
        scene.ctx.json("checkout", scene.ref, "--yes")
        agent.turn("again", resume=scene.session)
        assert agent.shown(scene.session) == ["one", "two", "again"]

    def test_a_session_up_to_a_message_shows_what_is_left(self, scene, agent):
        first = message_saying(scene, "REPLY 1")
        new = scene.ctx.json("checkout", scene.ref, "--at-message", first)["session"]
        agent.turn("again", resume=new)
        assert agent.shown(new) == ["one", "again"]

    def test_a_session_that_was_archived_meanwhile_is_listed_again(self, scene, agent):
        agent.ask("thread/archive", threadId=scene.session)
        assert agent.listed(useStateDbOnly=True) == {}
        scene.ctx.json("checkout", scene.ref, "--yes")
        assert set(agent.listed(useStateDbOnly=True)) == {scene.session}

    def test_in_another_folder_the_model_is_told_which(self, scene, model, tmp_path):
        there = scene.agent(model, home=tmp_path / "home", project=tmp_path / "project")
        moved = f"{scene.project}={there.project}"
        scene.ctx.json("checkout", scene.ref, "--home", str(there.home), "--map-path", moved)
        there.turn("again", resume=scene.session)
        asked = next(request.body for request in reversed(model.requests) if request.conversation)
        assert f"<cwd>{there.project}</cwd>" in json.dumps(asked)

    def test_a_packed_session_comes_back_and_goes_on(self, scene, agent, model):
        (path,) = agent.home.glob(f".codex/sessions/*/*/*/rollout-*{scene.session}.jsonl")
        packed = path.with_name(path.name + ".zst")
        packed.write_bytes(zstandard.ZstdCompressor().compress(path.read_bytes()))
        path.unlink()
        scene.ctx.json("snapshot")
        new = scene.ctx.json("checkout", scene.ref, "--as-new-session")["session"]
        agent.turn("again", resume=new)
        assert agent.shown(new) == ["one", "two", "three", "again"]
        packed.unlink()
        scene.ctx.json("checkout", scene.ref, "--yes")
        agent.turn("again", resume=scene.session)
        assert [turn.text for turn in model.last_conversation() if turn.role == "user"][-2:] == ["three", "again"]

    def test_a_fork_goes_on_in_a_fresh_home_with_what_it_inherits(self, scene, agent, model, tmp_path):
        fork = agent.fork(scene.session, "forked")
        scene.ctx.json("snapshot")
        ref = next(ref for ref in scene.refs() if fork in ref)
        there = scene.agent(model, home=tmp_path / "home", project=tmp_path / "longer than the original project")
        scene.ctx.json("checkout", ref, "--home", str(there.home), "--map-path", f"{scene.project}={there.project}")
        assert there.turn("again", resume=fork) == fork
        assert asked(model) == ["one", "two", "three", "forked", "again"]
        messages = scene.ctx.json("show", ref)["messages"]
        assert [each.get("inherited", False) for each in messages if says(each, "one") or says(each, "forked")] == [
            True,
            False,
        ]

    def test_a_thread_whose_turns_were_taken_back_goes_on_in_a_fresh_home(self, scene, agent, model, tmp_path):
        agent.take_back(scene.session, 1, "instead")
        scene.ctx.json("snapshot")
        there = scene.agent(model, home=tmp_path / "home", project=tmp_path / "project")
        scene.ctx.json(
            *("checkout", scene.ref, "--home", str(there.home), "--map-path", f"{scene.project}={there.project}")
        )
        assert there.turn("again", resume=scene.session) == scene.session
        assert asked(model) == ["one", "instead", "again"]
        new = scene.ctx.json("checkout", scene.ref, "--as-new-session")["session"]
        assert agent.turn("again", resume=new) == new
        assert asked(model) == ["one", "instead", "again"]

    def test_a_parent_keeps_what_its_fork_inherits(self, scene, agent, model):
        fork = agent.fork(scene.session, "forked")
        refused = scene.ctx.json("checkout", scene.ref, "--yes", code=4)
        assert fork in refused["message"]
        agent.turn("again", resume=fork)
        assert asked(model) == ["one", "two", "three", "forked", "again"]


def asked(model):
    """Lists the texts of the user in the last conversation."""
    return [turn.text for turn in model.last_conversation() if turn.role == "user"]


def says(message, text):
    return any(part.get("text") == text for part in message["parts"])
