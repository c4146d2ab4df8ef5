"""A home with Copilot CLI's folder, one of everything."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.sources.homes.home_files import write

SESSION = "4c337832-3805-4584-85b4-e8baa1f4f10a"
OLD = "4c337832-3805-4584-85b4-e8baa1f4f10b"
PROJECT = "/home/ada/engine"
FOLDER = f"session-state/{SESSION}"
LEGACY = "session_9f2e_1750000000000"
CONTEXT = f"copilot/sessions/{SESSION}"


def event(type: str, number: int, **data: Any) -> str:
    """Builds a line of a session's events."""
    parent = f"e{number - 1}" if number else None
    record = {"type": type, "data": data, "id": f"e{number}", "timestamp": "2026-01-31T09:30:00Z", "parentId": parent}
    return json.dumps(record, separators=(",", ":")) + "\n"


def events(session: str = SESSION) -> str:
    """Builds a session of one turn, with a call."""
    call = {"toolCallId": "c1", "name": "bash", "arguments": {"command": "oil"}, "type": "function"}
    told: list[tuple[str, dict[str, Any]]] = [
        ("session.start", {"sessionId": session, "version": 1, "context": {"cwd": PROJECT, "gitRoot": PROJECT}}),
        ("session.model_change", {"newModel": "engine-1"}),
        ("system.message", {"role": "system", "content": "You oil wheels."}),
        ("user.message", {"content": "Oil the wheels", "transformedContent": "<now>\n\nOil the wheels"}),
        ("assistant.turn_start", {"turnId": "0"}),
        (
            "assistant.message",
            {"model": "engine-1", "content": "At once.", "reasoningText": "Oil?", "toolRequests": [call]},
        ),
        ("tool.execution_start", {"toolCallId": "c1", "toolName": "bash", "arguments": {"command": "oil"}}),
        ("hook.start", {"hookType": "postToolUse", "input": {"sessionId": session, "cwd": PROJECT}}),
        ("tool.execution_complete", {"toolCallId": "c1", "success": True, "result": {"content": "oiled"}}),
        ("assistant.message", {"model": "engine-2", "content": "Oiled.", "toolRequests": []}),
        ("assistant.turn_end", {"turnId": "0"}),
        ("session.usage_record", {"usage": {"accounting": {"sourceSessionId": session}}}),
    ]
    return "".join(event(type, number, **data) for number, (type, data) in enumerate(told))


def document() -> str:
    """Builds a session of a version that kept it in one document."""
    call = {"id": "c1", "type": "function", "function": {"name": "bash", "arguments": "oil"}}
    told = [
        {"role": "user", "content": "Grease the axle"},
        {"role": "assistant", "content": "At once.", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "greased"},
        {"role": "assistant", "content": [{"type": "text", "text": "Greased."}]},
        {"content": "nobody's"},
    ]
    return json.dumps({"sessionId": "9f2e", "startTime": "2025-06-15T00:00:00Z", "chatMessages": told, "timeline": []})


def make(home: Path) -> None:
    """Writes the folder below `home`."""
    copilot = home / ".copilot"
    write(
        copilot,
        {
            f"{FOLDER}/events.jsonl": events(),
            f"history-session-state/{LEGACY}.json": document(),
            f"{FOLDER}/workspace.yaml": f"id: {SESSION}\ncwd: {PROJECT}\ngit_root: {PROJECT}\nname: Oil the wheels\n",
            f"{FOLDER}/plan.md": "# Oil\n",
            f"{FOLDER}/checkpoints/index.md": "none\n",
            f"{FOLDER}/files/wheel.txt": "oiled",
            f"{FOLDER}/.workspace-fork.lock": "",
            f"session-state/{OLD}.jsonl": events(OLD),
            "session-state/.session-operation-locks/x.lock": "",
            "session-store.db": "an index",
            "settings.json": "{}",
            "config.json": '{"firstLaunchAt":"2026"}',
            "mcp-config.json": "{}",
            "copilot-instructions.md": "Be brief.\n",
            "instructions/style.instructions.md": "British.\n",
            "agents/oiler.agent.md": "oils",
            "skills/oil/SKILL.md": "oils",
            "logs/process.log": "x",
            "installed-plugins/p/big.js": "x",
        },
    )
    with closing(sqlite3.connect(copilot / FOLDER / "session.db")) as database, database:
        database.execute("CREATE TABLE todos (id TEXT)")
