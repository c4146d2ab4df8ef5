"""The summary of a Codex session in a list of contexts."""

from __future__ import annotations

from typing import Any

from ctxstore.sources.codex import Codex
from ctxstore.sources.protocol import Attributes
from tests.sources.homes.codex import CONTEXT, KEY, line, rollout, spoken


def scan(data: str, before: Attributes | None = None) -> Attributes:
    scanner = Codex().scanner(CONTEXT, KEY, before)
    assert scanner is not None
    scanner.feed(data.encode())
    return scanner.finish()


def said(*texts: str) -> str:
    return "".join(line("response_item", spoken("user", text)) for text in texts)


def test_a_session_is_summed_up() -> None:
    assert scan(rollout()) == Attributes("Oil the wheels", "Codex", "engine-2", "/home/ada/engine", 9)


def test_what_codex_put_into_the_users_mouth_is_no_title() -> None:
    data = said(
        "# AGENTS.md instructions for /x\n\n<INSTRUCTIONS>Be brief</INSTRUCTIONS>",
        "<environment_context>\n  <cwd>/x</cwd>\n</environment_context>",
        "<user_instructions>\nBe brief",
        "<turn_aborted>\n",
        "  Oil\nthe   wheels ",
        "And the gears",
    )
    assert scan(data).title == "Oil the wheels"


def test_a_block_after_instructions_in_the_same_message_is_no_title() -> None:
    blocks = [{"type": "input_text", "text": text} for text in ("# AGENTS.md instructions for /x", "<x>y</x>")]
    data = line("response_item", {"type": "message", "role": "user", "content": blocks}) + said("Oil")
    assert scan(data).title == "Oil"


def test_a_request_made_in_an_editor_is_the_title_without_what_the_editor_says() -> None:
    data = said("# Context from my IDE setup:\n\n## Open tabs:\n- a.py\n\n## My request for Codex:\nOil it\n")
    assert scan(data).title == "Oil it"


def test_a_threads_name_is_its_title() -> None:
    name: dict[str, Any] = {"type": "thread_name_updated", "thread_id": "t", "thread_name": "Wheels"}
    assert scan(said("Oil") + line("event_msg", name)).title == "Wheels"
    assert scan(line("event_msg", name), scan(said("Oil"))).title == "Wheels"


def test_the_project_is_the_first_working_folder_and_the_model_the_last_one() -> None:
    turns = [{"cwd": "/other", "model": "m1"}, {"cwd": "/third", "model": "m2"}]
    data = line("session_meta", {"cwd": "/first"}) + "".join(line("turn_context", turn) for turn in turns)
    assert scan(data)[2:4] == ("m2", "/first")
    assert scan(line("turn_context", turns[0]))[3] == "/other"


def test_a_long_title_is_cut() -> None:
    title = scan(said("oil " * 100)).title
    assert title is not None and len(title) <= 80 and title.endswith("…")
