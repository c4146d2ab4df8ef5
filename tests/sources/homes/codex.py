"""A home with Codex's folder, one of everything."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.sources.homes.home_files import write

THREAD = "01a1fe93-25aa-7411-af45-67414ff5d601"
PACKED = "01a1fe93-25aa-7411-af45-67414ff5d602"
ARCHIVED = "01a1fe93-25aa-7411-af45-67414ff5d603"
DAY = "2026-01-31"
KEY = f"sessions/2026/01/31/rollout-{DAY}T09-30-00-{THREAD}.jsonl"
PACKED_KEY = f"sessions/2026/01/31/rollout-{DAY}T10-30-00-{PACKED}.jsonl.zst"
ARCHIVED_KEY = f"archived_sessions/rollout-{DAY}T11-30-00-{ARCHIVED}.jsonl"
CONTEXT = f"codex/{DAY}/{THREAD}"
PROJECT = "/home/ada/engine"


def line(type: str, payload: Any, ordinal: int = 0) -> str:
    """Builds a line of a rollout."""
    record = {"timestamp": f"{DAY}T09:30:{ordinal % 60:02}.000Z", "type": type, "payload": payload}
    return json.dumps(record, separators=(",", ":")) + "\n"


def spoken(role: str, text: str, **fields: Any) -> dict[str, Any]:
    """Builds a message as an item."""
    kind = "output_text" if role == "assistant" else "input_text"
    return {"type": "message", "role": role, "content": [{"type": kind, "text": text}], **fields}


def rollout(thread: str = THREAD) -> str:
    """Builds a session of two turns, with both of its streams."""
    meta = {
        "id": thread,
        "session_id": thread,
        "timestamp": f"{DAY}T09:30:00.000Z",
        "cwd": PROJECT,
        "originator": "codex_exec",
        "cli_version": "0.169.0",
        "source": "exec",
        "model_provider": "ada",
        "base_instructions": {"text": "You are a coding agent."},
    }
    turn = {"turn_id": "t1", "cwd": PROJECT, "approval_policy": "never", "model": "engine-1"}
    answer = {"type": "agent_message", "message": "Oiled."}
    call = {"type": "function_call", "name": "shell", "arguments": '{"cmd":"oil"}', "call_id": "c1"}
    records: list[tuple[str, Any]] = [
        ("session_meta", meta),
        ("event_msg", {"type": "task_started", "turn_id": "t1"}),
        ("response_item", spoken("developer", "<permissions instructions>\nAll.")),
        (
            "response_item",
            spoken("user", "<environment_context>\n  <cwd>/home/ada/engine</cwd>"),
        ),
        ("turn_context", turn),
        ("response_item", spoken("user", "Oil the wheels", id="msg_1")),
        ("event_msg", {"type": "user_message", "message": "Oil the wheels", "images": []}),
        ("response_item", {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Where is the oil?"}]}),
        ("response_item", call),
        ("response_item", {"type": "function_call_output", "call_id": "c1", "output": "ok"}),
        ("event_msg", answer),
        ("response_item", spoken("assistant", "Oiled.", id="msg_2")),
        ("event_msg", {"type": "task_complete", "turn_id": "t1", "last_agent_message": "Oiled."}),
        ("event_msg", {"type": "task_started", "turn_id": "t2"}),
        ("turn_context", {**turn, "turn_id": "t2", "model": "engine-2"}),
        ("response_item", spoken("user", "And the gears", id="msg_3")),
        ("event_msg", {"type": "user_message", "message": "And the gears", "images": []}),
        ("event_msg", {**answer, "message": "Them too."}),
        ("response_item", spoken("assistant", "Them too.", id="msg_4")),
        ("event_msg", {"type": "task_complete", "turn_id": "t2", "last_agent_message": "Them too."}),
    ]
    return "".join(line(type, payload, ordinal) for ordinal, (type, payload) in enumerate(records))


def make(home: Path) -> None:
    """Writes the folder below `home`."""
    import zstandard

    codex = home / ".codex"
    write(
        codex,
        {
            KEY: rollout(),
            ARCHIVED_KEY: rollout(ARCHIVED),
            f"generated_images/{THREAD}/ig_1.png": "png",
            "generated_images/unknown/ig_2.png": "png",
            "sessions/2026/01/31/notes.txt": "no rollout",
            "config.toml": 'model = "engine-1"\n',
            "work.config.toml": 'model = "engine-2"\n',
            "AGENTS.md": "Be brief.\n",
            "history.jsonl": "{}\n",
            "session_index.jsonl": "{}\n",
            "hooks.json": "{}",
            "memories/MEMORY.md": "# Wheels\n",
            "prompts/review.md": "reviews",
            "rules/default.rules": "allow",
            "skills/oil/SKILL.md": "oils",
            "skills/.system/bundled/SKILL.md": "Codex's own",
            "state_5.sqlite": "a database",
            "logs_2.sqlite": "a database",
            "shell_snapshots/s.sh": "export KEY=1",
            "auth.json": '{"token":"t"}',
        },
    )
    packed = zstandard.ZstdCompressor().compress(rollout(PACKED).encode())
    (codex / PACKED_KEY).write_bytes(packed)
