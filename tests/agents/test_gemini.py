"""Gemini CLI: sessions that are restored and continued, and the sessions that its cleanup deletes."""

from __future__ import annotations

import json

from tests.agents.there_and_back import ThereAndBack, then
from tests.clients.gemini import PACKAGE, Gemini


class TestGemini(ThereAndBack):
    kind, package = Gemini, PACKAGE

    def test_its_list_shows_the_new_session(self, scene, agent):
        new = scene.ctx.json("checkout", scene.ref, "--as-new-session")["session"]
        listed = agent.listed()
        assert scene.session in listed and new in listed

    def test_a_session_it_deleted_comes_back(self, scene, agent, model):
        """Gemini CLI deletes a session when another starts, if the session was resumed in another minute than its
        file name says."""
        settings = scene.home / ".gemini" / "settings.json"
        kept = json.loads(settings.read_text())
        kept["general"].pop("sessionRetention")
        settings.write_text(json.dumps(kept))
        found = scene.home.glob(f".gemini/tmp/*/chats/session-*-{scene.session[:8]}.jsonl")
        # If the earlier turns fall into two minutes, an empty session already exists beside it.
        transcript, *empty = sorted(found, key=lambda path: -path.stat().st_size)
        for path in empty:
            path.unlink()
        transcript.rename(transcript.with_name(f"session-2026-01-02T03-04-{scene.session[:8]}.jsonl"))
        scene.ctx.json("snapshot")
        ref = next(name for name in scene.refs() if f"{scene.session[:8]}-2026-01-02" in name)
        agent.turn("four", resume=scene.session)
        agent.turn("something else")
        assert scene.session not in agent.sessions()
        scene.ctx.json("checkout", ref, "--yes")
        agent.turn("again", resume=scene.session)
        assert model.last_conversation()[:-2] == then(scene, "three")
