"""aider: its history files are read exactly."""

from __future__ import annotations

from pathlib import Path

from ctxstore.sources.aider import Aider as Source
from ctxstore.sources.aider.layout import HISTORY
from tests.clients.aider import Aider
from tests.clients.model.server import ModelServer

REPLY = "Look:\n\n```md\n#### Not you\n> no output\n```\n\n> quoted\n\n#### A heading\n\nDone."


def test_what_aider_writes_is_read_as_it_was_said(aider_place: Path, model: ModelServer, tmp_path: Path) -> None:
    client = Aider(aider_place, model, tmp_path / "home", tmp_path / "project")
    model.say(REPLY)
    client.type("one", "/tokens", "two", arguments=("--chat-mode", "ask"))
    client.turn("three", "--chat-mode", "ask")
    messages = list(Source().messages([(client.project / HISTORY).read_bytes()]))
    assert [(m.role, m.parts[0].text) for m in messages if m.role != "meta"] == [
        ("user", "one"),
        ("assistant", REPLY),
        ("user", "/tokens"),
        ("user", "two"),
        ("assistant", "REPLY 2"),
        ("user", "three"),
        ("assistant", "REPLY 3"),
    ]
    assert {m.model for m in messages if m.role == "assistant"} == {"openai/made-up"}
    assert len({m.time for m in messages}) == 2
