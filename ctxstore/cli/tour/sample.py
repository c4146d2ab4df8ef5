"""A sample home folder of Claude Code: a project, a session of two turns, a memory, settings."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

SESSION = "5f0c2d1e-7a94-4b1c-9c53-0d6a2b8e4f17"
PROJECT = "/home/ada/linkcheck"
MODEL = "claude-sonnet-4-5"

_FOLDER = PROJECT.replace("/", "-")
CONTEXT = f"claude-code/{_FOLDER}/{SESSION}"

Block = dict[str, Any]

_SOURCE = """def normalise(url: str) -> str:
    parts = urlsplit(url)
    path = parts.path.rstrip("/")
    return urlunsplit((parts.scheme, parts.netloc.lower(), path, parts.query, ""))"""

_PYTEST = """============================= test session starts ==============================
collected 14 items

tests/test_crawl.py .....                                                [ 35%]
tests/test_normalise.py ....F....                                        [100%]

=================================== FAILURES ===================================
_____________________________ test_root_is_kept ________________________________
>       assert normalise("https://example.org/") == "https://example.org/"
E       AssertionError: assert 'https://example.org' == 'https://example.org/'

tests/test_normalise.py:31: AssertionError
========================= 1 failed, 13 passed in 0.21s ========================="""


def _text(text: str) -> Block:
    return {"type": "text", "text": text}


def _thinking(text: str) -> Block:
    return {"type": "thinking", "thinking": text, "signature": ""}


def _use(call: str, name: str, **input: str) -> Block:
    return {"type": "tool_use", "id": call, "name": name, "input": input}


def _result(call: str, text: str) -> Block:
    return {"type": "tool_result", "tool_use_id": call, "content": text}


FIRST_TURN: tuple[tuple[str, str | list[Block]], ...] = (
    ("user", "The checker reports pages with a trailing slash as missing, but they load. Please find out why."),
    ("assistant", [_thinking("A redirect or the normalising of URLs. Look at the latter first.")]),
    ("assistant", [_use("call_1", "Read", file_path=f"{PROJECT}/linkcheck/urls.py")]),
    ("user", [_result("call_1", _SOURCE)]),
    (
        "assistant",
        [
            _text(
                "`normalise` strips every trailing slash before the request is made, and this server "
                "answers 404 without it. Shall I keep the slash for requests, and strip it only when "
                "two links are compared?"
            )
        ],
    ),
    ("user", "Yes, and add a test for the root of a site."),
    (
        "assistant",
        [
            _use(
                "call_2",
                "Edit",
                file_path=f"{PROJECT}/linkcheck/urls.py",
                old_string='path = parts.path.rstrip("/")',
                new_string='path = parts.path or "/"',
            )
        ],
    ),
    ("user", [_result("call_2", "The file has been updated.")]),
)

SECOND_TURN: tuple[tuple[str, str | list[Block]], ...] = (
    ("assistant", [_use("call_3", "Bash", command="pytest -q", description="Run the tests")]),
    ("user", [_result("call_3", _PYTEST)]),
    (
        "assistant",
        [
            _text(
                "One test was left on the old behaviour: `same_page` still compares with the slash. "
                "It has its own key now, and all 14 tests pass."
            )
        ],
    ),
    ("user", "Good. Remember that we never change a URL before we request it."),
)

MEMORY = "# linkcheck\n\n- Never change a URL before it is requested; normalise only to compare.\n"

SETTINGS = {"model": MODEL, "permissions": {"allow": ["Bash(pytest:*)"]}}


class SampleHome:
    """A sample home folder at `path`, in the form that Claude Code writes."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.claude = os.path.join(path, ".claude")
        self.transcript = os.path.join(self.claude, "projects", _FOLDER, f"{SESSION}.jsonl")
        self._memory = os.path.join(self.claude, "projects", _FOLDER, "memory", "MEMORY.md")
        self._time = datetime.now(UTC) - timedelta(minutes=20)
        self._parent: str | None = None

    def write_first_turn(self) -> None:
        """Writes the first turn of the session, and the settings."""
        os.makedirs(os.path.dirname(self.transcript), mode=0o700)
        with open(os.path.join(self.claude, "settings.json"), "w") as file:
            json.dump(SETTINGS, file, indent=2)
        self._append(FIRST_TURN)

    def write_second_turn(self) -> None:
        """Appends the second turn to the session, and writes a memory."""
        self._append(SECOND_TURN)
        os.makedirs(os.path.dirname(self._memory))
        with open(self._memory, "w") as file:
            file.write(MEMORY)

    def delete_transcript(self) -> None:
        """Deletes the session, as the agent's clean-up of old sessions does."""
        os.unlink(self.transcript)

    def overwrite_transcript(self) -> None:
        """Overwrites the session with a new one of a single message."""
        self._parent = None
        with open(self.transcript, "w") as file:
            file.writelines(self._lines((("user", "hello?"),)))

    def _append(self, turn: tuple[tuple[str, str | list[Block]], ...]) -> None:
        with open(self.transcript, "a") as file:
            file.writelines(self._lines(turn))

    def _lines(self, turn: tuple[tuple[str, str | list[Block]], ...]) -> Iterator[str]:
        for role, content in turn:
            self._time += timedelta(seconds=17)
            yield json.dumps(self._record(role, content), ensure_ascii=False) + "\n"

    def _record(self, role: str, content: str | list[Block]) -> dict[str, Any]:
        parent, self._parent = self._parent, str(uuid.uuid4())
        message: dict[str, Any] = {"role": role, "content": content}
        if role == "assistant":
            message = {"model": MODEL, **message}
        return {
            "parentUuid": parent,
            "isSidechain": False,
            "cwd": PROJECT,
            "sessionId": SESSION,
            "version": "2.0.0",
            "gitBranch": "main",
            "type": role,
            "message": message,
            "uuid": self._parent,
            "timestamp": self._time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }
