"""Generators of one session in each agent's format: the file's path below the home, and its bytes.

The formats are those of docs/sources.md. The files contain only the records that the agent writes for every turn.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from hashlib import md5
from typing import Any, NamedTuple
from uuid import UUID

from .turns import Turn

EPOCH = datetime(2026, 3, 1, 8, tzinfo=UTC)


class Conversation(NamedTuple):
    """A session with the number `number` in the folder `cwd`."""

    number: int
    cwd: str
    turns: list[Turn]

    @property
    def id(self) -> str:
        """A UUID that depends only on the number."""
        return str(UUID(bytes=md5(str(self.number).encode(), usedforsecurity=False).digest(), version=4))

    def time(self, seconds: float) -> datetime:
        """Returns the moment `seconds` after the start of the session."""
        return EPOCH + timedelta(hours=self.number, seconds=seconds)


File = tuple[str, bytes]
Record = dict[str, Any]


def _lines(records: Iterable[Record]) -> bytes:
    return b"".join(_dump(record) + b"\n" for record in records)


def _dump(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def _stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def codex(talk: Conversation) -> File:
    """Returns a rollout with both of its streams: items for the model and events for the user."""
    start = talk.time(0)

    def payloads() -> Iterator[tuple[str, Record]]:
        yield "session_meta", {"id": talk.id, "cwd": talk.cwd, "cli_version": "0.169.0", "model_provider": "openai"}
        for turn in talk.turns:
            yield "turn_context", {"turn_id": f"t{turn.number}", "cwd": talk.cwd, "model": "gpt-5-codex"}
            yield "response_item", _spoken("user", "input_text", turn.asked)
            yield "event_msg", {"type": "user_message", "message": turn.asked, "images": []}
            for index, step in enumerate(turn.steps):
                call = f"call_{turn.number}_{index}"
                yield (
                    "response_item",
                    {"type": "reasoning", "summary": [{"type": "summary_text", "text": step.thought}]},
                )
                arguments = json.dumps({"command": ["cat", step.argument]})
                yield (
                    "response_item",
                    {"type": "function_call", "name": "shell", "arguments": arguments, "call_id": call},
                )
                yield "response_item", {"type": "function_call_output", "call_id": call, "output": step.output}
                yield "event_msg", {"type": "token_count", "info": {"total_token_usage": {"input_tokens": 1234}}}
            yield "event_msg", {"type": "agent_message", "message": turn.answer}
            yield "response_item", _spoken("assistant", "output_text", turn.answer)

    records = (
        {"timestamp": _stamp(talk.time(at)), "type": type, "payload": payload}
        for at, (type, payload) in enumerate(payloads())
    )
    name = f"rollout-{start:%Y-%m-%dT%H-%M-%S}-{talk.id}.jsonl"
    return f".codex/sessions/{start:%Y/%m/%d}/{name}", _lines(records)


def _spoken(role: str, kind: str, text: str) -> Record:
    return {"type": "message", "role": role, "content": [{"type": kind, "text": text}]}


def copilot(talk: Conversation) -> File:
    """Returns a file of events, each of which names its predecessor."""

    def events() -> Iterator[tuple[str, Record]]:
        yield "session.start", {"sessionId": talk.id, "context": {"cwd": talk.cwd}, "selectedModel": "gpt-5"}
        for turn in talk.turns:
            yield "user.message", {"content": turn.asked, "transformedContent": turn.asked}
            for index, step in enumerate(turn.steps):
                call = f"call_{turn.number}_{index}"
                request = {"toolCallId": call, "name": step.tool, "arguments": {"path": step.argument}}
                yield "assistant.message", {"content": step.thought, "toolRequests": [request]}
                yield "tool.execution_start", {"toolCallId": call, "toolName": step.tool, "arguments": {}}
                result = {"content": step.output}
                yield "tool.execution_complete", {"toolCallId": call, "success": True, "result": result}
            yield "assistant.message", {"content": turn.answer, "toolRequests": []}

    def records() -> Iterator[Record]:
        parent = None
        for at, (type, data) in enumerate(events()):
            id = f"{talk.id[:-6]}{at:06x}"
            yield {"type": type, "data": data, "id": id, "timestamp": _stamp(talk.time(at)), "parentId": parent}
            parent = id

    return f".copilot/session-state/{talk.id}/events.jsonl", _lines(records())


def gemini(talk: Conversation) -> File:
    """Returns a journal of messages and of changes of the session's fields."""

    def records() -> Iterator[Record]:
        start = _stamp(talk.time(0))
        yield {"sessionId": talk.id, "projectHash": "0" * 64, "startTime": start, "lastUpdated": start, "kind": "main"}
        for turn in talk.turns:
            stamp = _stamp(talk.time(turn.number * 60))
            yield {"id": f"u{turn.number}", "timestamp": stamp, "type": "user", "content": [{"text": turn.asked}]}
            calls = [
                {
                    "id": f"c{turn.number}_{index}",
                    "name": step.tool,
                    "args": {"path": step.argument},
                    "result": [{"functionResponse": {"name": step.tool, "response": {"output": step.output}}}],
                    "status": "success",
                }
                for index, step in enumerate(turn.steps)
            ]
            thoughts = [{"subject": "Plan", "description": step.thought} for step in turn.steps]
            answer = {"id": f"g{turn.number}", "timestamp": stamp, "type": "gemini", "content": turn.answer}
            yield answer | {"thoughts": thoughts, "toolCalls": calls, "model": "gemini-2.5-pro"}
            yield {"$set": {"lastUpdated": stamp}}

    project = talk.cwd.strip("/").replace("/", "-")
    name = f"session-{talk.time(0):%Y-%m-%dT%H-%M}-{talk.id[:8]}.jsonl"
    return f".gemini/tmp/{project}/chats/{name}", _lines(records())


def _anthropic(talk: Conversation) -> Iterator[Record]:
    """Yields messages in the form of Anthropic's API, with times."""
    for turn in talk.turns:
        ts = int(talk.time(turn.number * 60).timestamp() * 1000)
        yield {"role": "user", "content": [{"type": "text", "text": turn.asked}], "ts": ts}
        for index, step in enumerate(turn.steps):
            call = f"toolu_{turn.number}_{index}"
            use = {"type": "tool_use", "id": call, "name": step.tool, "input": {"path": step.argument}}
            said = [{"type": "text", "text": step.thought}, use]
            yield {"role": "assistant", "content": said, "ts": ts + index}
            answer = {"type": "tool_result", "tool_use_id": call, "content": step.output}
            yield {"role": "user", "content": [answer], "ts": ts + index}
        yield {"role": "assistant", "content": [{"type": "text", "text": turn.answer}], "ts": ts + 9}


def cline(talk: Conversation) -> File:
    """Returns the history of a task as one JSON document."""
    task = f"{int(talk.time(0).timestamp() * 1000)}"
    folder = ".config/Code/User/globalStorage/saoudrizwan.claude-dev"
    return f"{folder}/tasks/{task}/api_conversation_history.json", _dump(list(_anthropic(talk)))


def roo(talk: Conversation) -> File:
    """Returns the same document as `cline`, in Roo Code's folder."""
    folder = ".config/Code/User/globalStorage/rooveterinaryinc.roo-cline"
    return f"{folder}/tasks/{talk.id}/api_conversation_history.json", _dump(list(_anthropic(talk)))


def continue_(talk: Conversation) -> File:
    """Returns a session as one indented JSON document."""

    def history() -> Iterator[Record]:
        for turn in talk.turns:
            yield {"message": {"role": "user", "content": turn.asked}, "contextItems": []}
            for index, step in enumerate(turn.steps):
                call = {"id": f"c{turn.number}_{index}", "type": "function", "function": {"name": step.tool}}
                message = {"role": "assistant", "content": step.thought, "toolCalls": [call]}
                yield {"message": message, "contextItems": []}
                yield {
                    "message": {"role": "tool", "content": step.output, "toolCallId": call["id"]},
                    "contextItems": [],
                }
            yield {"message": {"role": "assistant", "content": turn.answer}, "contextItems": []}

    document = {"sessionId": talk.id, "title": "Work", "workspaceDirectory": talk.cwd, "history": list(history())}
    return f".continue/sessions/{talk.id}.json", json.dumps(document, indent=2, ensure_ascii=False).encode()


def aider(talk: Conversation) -> File:
    """Returns a project's chat history in Markdown."""
    parts = [f"\n# aider chat started at {talk.time(0):%Y-%m-%d %H:%M:%S}\n\n> Model: gpt-5 with diff edit format  \n"]
    for turn in talk.turns:
        parts.append("".join(f"\n#### {line}  \n" for line in turn.asked.splitlines() if line))
        for step in turn.steps:
            parts.append(f"\n{step.thought}\n\n{step.argument}\n```python\n{step.output}\n```\n")
        parts.append(f"\n{turn.answer}\n\n> Tokens: 9.1k sent, 1.2k received.  \n")
    return f"{talk.cwd.strip('/')}/.aider.chat.history.md", "".join(parts).encode()


SHAPES: dict[str, Callable[[Conversation], File]] = {
    "codex": codex,
    "copilot": copilot,
    "gemini": gemini,
    "cline": cline,
    "roo": roo,
    "continue": continue_,
    "aider": aider,
}
"""The generators by source."""
