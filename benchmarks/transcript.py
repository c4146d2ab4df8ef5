"""A generator of Claude Code transcripts: one JSON record per line, linked by uuid and parentUuid."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import msgspec

from .words import Project, code, listing, numbered, paragraphs, prose, search_hits, test_log

Record = dict[str, Any]
EPOCH = datetime(2026, 3, 1, 8, tzinfo=UTC)
VERSION = "2.1.40"
MODEL = "claude-opus-4-6"
IDS = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz123456789"
# The number of characters at which a tool cuts its output.
LONGEST_OUTPUT = 30_000

_encode = msgspec.json.encode


def new_uuid(rng: Random) -> str:
    """Returns a version 4 UUID from the seeded generator. (`uuid.uuid4` is not reproducible.)"""
    value = f"{rng.getrandbits(128):032x}"
    return f"{value[:8]}-{value[8:12]}-4{value[13:16]}-a{value[17:20]}-{value[20:]}"


class Session:
    """Generates the turns of one session. Continues after the record `parent`, `at` seconds after the epoch."""

    def __init__(
        self, rng: Random, project: Project, session_id: str, *, parent: str | None = None, at: float = 0.0
    ) -> None:
        self.rng = rng
        self.project = project
        self.id = session_id
        self.parent = parent
        self.seconds = at
        # A session uses the same few files repeatedly. This causes most repetitions in transcripts.
        self.working_set = rng.sample(range(len(project.paths)), 4)

    def lines(self) -> Iterator[bytes]:
        """Yields the session's records without end, one line each."""
        while True:
            for record in self._turn():
                yield _encode(record) + b"\n"

    def last_lines(self) -> bytes:
        """Returns the short records that end a turn, even an incomplete one."""
        return b"".join(_encode(record) + b"\n" for record in self._end(self.parent or self.id))

    def _turn(self) -> Iterator[Record]:
        prompt = self._linked("user", message={"role": "user", "content": paragraphs(self.rng, self._size(30))})
        yield prompt
        for _ in range(self.rng.randrange(2, 9)):
            yield from self._thought()
            yield from self._tool_call()
        yield self._assistant({"type": "text", "text": paragraphs(self.rng, self._size(50))})
        yield from self._end(prompt["uuid"])

    def _end(self, message: str) -> Iterator[Record]:
        yield self._linked("system", subtype="stop_hook_summary", hookCount=1, hookErrors=[], level="suggestion")
        yield self._file_history(message)

    def _size(self, median: int) -> int:
        return max(4, int(median * self.rng.lognormvariate(0, 0.7)))

    def _now(self) -> str:
        self.seconds += self.rng.random() * 9
        stamp = (EPOCH + timedelta(seconds=self.seconds)).isoformat(timespec="milliseconds")
        return stamp.replace("+00:00", "Z")

    def _name(self, prefix: str) -> str:
        return prefix + "".join(self.rng.choices(IDS, k=22))

    def _linked(self, kind: str, **fields: Any) -> Record:
        uuid = new_uuid(self.rng)
        record = {
            "parentUuid": self.parent,
            "isSidechain": False,
            "userType": "external",
            "cwd": f"/home/dev/{self.project.name}",
            "sessionId": self.id,
            "version": VERSION,
            "gitBranch": "main",
            "type": kind,
            **fields,
            "uuid": uuid,
            "timestamp": self._now(),
        }
        self.parent = uuid
        return record

    def _assistant(self, part: Record) -> Record:
        usage = {
            "input_tokens": self.rng.randrange(1, 9),
            "cache_creation_input_tokens": self.rng.randrange(200, 4000),
            "cache_read_input_tokens": self.rng.randrange(20_000, 160_000),
            "output_tokens": self.rng.randrange(1, 900),
            "service_tier": "standard",
        }
        message = {
            "model": MODEL,
            "id": self._name("msg_01"),
            "type": "message",
            "role": "assistant",
            "content": [part],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": usage,
        }
        return self._linked("assistant", message=message, requestId=self._name("req_01"))

    def _thought(self) -> Iterator[Record]:
        if self.rng.random() < 0.16:
            # Signatures are encrypted, so they cannot be compressed.
            signature = base64.b64encode(self.rng.randbytes(self._size(560))).decode()
            text = paragraphs(self.rng, self._size(70))
            yield self._assistant({"type": "thinking", "thinking": text, "signature": signature})
        if self.rng.random() < 0.4:
            yield self._assistant({"type": "text", "text": paragraphs(self.rng, self._size(25))})

    def _tool_call(self) -> Iterator[Record]:
        name, arguments, output, details = self._use_tool()
        call = self._name("toolu_01")
        yield self._assistant({"type": "tool_use", "id": call, "name": name, "input": arguments})
        source = self.parent
        yield self._linked("progress", data=self._hook(name), parentToolUseID=call, toolUseID=call)
        if name == "Task":
            for _ in range(self.rng.randrange(4, 26)):
                yield self._linked(
                    "progress",
                    data=self._delegated(),
                    parentToolUseID=call,
                    toolUseID=self._name("agent_msg_"),
                )
        elif name == "Bash":
            yield from self._bash_progress(call, output)
        result = {"tool_use_id": call, "type": "tool_result", "content": output, "is_error": False}
        yield self._linked(
            "user",
            message={"role": "user", "content": [result]},
            toolUseResult=details,
            sourceToolAssistantUUID=source,
        )

    def _hook(self, tool: str) -> Record:
        event = "PreToolUse"
        return {
            "type": "hook_progress",
            "hookEvent": event,
            "hookName": f"{event}:{tool}",
            "command": "check-tool",
        }

    def _bash_progress(self, call: str, output: str) -> Iterator[Record]:
        lines = output.split("\n")
        for step in range(1, self.rng.randrange(1, 5)):
            seen = "\n".join(lines[: step * 10])
            data = {
                "type": "bash_progress",
                "output": seen,
                "elapsedTimeSeconds": step + 2,
                "totalLines": step * 10,
            }
            yield self._linked("progress", data=data, parentToolUseID=call, toolUseID=f"bash-progress-{step}")

    def _delegated(self) -> Record:
        """Returns a step of a sub-agent, which the parent's transcript repeats."""
        _, _, output, _ = self._read() if self.rng.random() < 0.7 else self._bash()
        part = {"tool_use_id": self._name("toolu_01"), "type": "tool_result", "content": output}
        inner = {"type": "user", "message": {"role": "user", "content": [part]}, "uuid": new_uuid(self.rng)}
        return {
            "type": "agent_progress",
            "message": inner,
            "normalizedMessages": [inner],
            "agentId": self.id[:7],
        }

    def _use_tool(self) -> tuple[str, Record, str, Any]:
        kind = self.rng.random()
        if kind < 0.36:
            return self._read()
        if kind < 0.66:
            return self._bash()
        if kind < 0.93:
            return self._edit()
        task = paragraphs(self.rng, self._size(90))
        answer = paragraphs(self.rng, self._size(180))
        done = {"status": "completed", "prompt": task, "content": [{"type": "text", "text": answer}]}
        return "Task", {"description": prose(self.rng, 4), "prompt": task}, answer, done

    def _pick(self) -> int:
        if self.rng.random() < 0.8:
            return self.rng.choice(self.working_set)
        return self.rng.randrange(len(self.project.paths))

    def _read(self) -> tuple[str, Record, str, Any]:
        at = self._pick()
        path, text = f"/home/dev/{self.project.name}/{self.project.paths[at]}", self.project.texts[at]
        whole = text.count("\n")
        start = 0 if self.rng.random() < 0.7 else self.rng.randrange(whole)
        lines = whole if self.rng.random() < 0.6 else self.rng.randrange(30, 120)
        shown = numbered(text, start, lines)[:LONGEST_OUTPUT]
        part = "\n".join(text.split("\n")[start : start + lines])
        file = {
            "filePath": path,
            "content": part,
            "numLines": lines,
            "startLine": start + 1,
            "totalLines": whole,
        }
        return "Read", {"file_path": path}, shown, {"type": "text", "file": file}

    def _bash(self) -> tuple[str, Record, str, Any]:
        make = self.rng.choice((listing, listing, test_log, test_log, test_log, search_hits))
        output = make(self.rng, self.project)[:LONGEST_OUTPUT]
        arguments = {"command": f"make {prose(self.rng, 3)}", "description": prose(self.rng, 6)}
        done = {"stdout": output, "stderr": "", "interrupted": False, "isImage": False}
        return "Bash", arguments, output, done

    def _edit(self) -> tuple[str, Record, str, Any]:
        at = self._pick()
        path, text = f"/home/dev/{self.project.name}/{self.project.paths[at]}", self.project.texts[at]
        lines = text.split("\n")
        start = self.rng.randrange(len(lines))
        old, new = "\n".join(lines[start : start + 8]), code(self.rng, self._size(5))
        output = f"The file {path} has been updated.\n{numbered(new, 0, 40)}"
        done = {
            "filePath": path,
            "oldString": old,
            "newString": new,
            "originalFile": text,
            "userModified": False,
        }
        return "Edit", {"file_path": path, "old_string": old, "new_string": new}, output, done

    def _file_history(self, message: str) -> Record:
        files = {
            self.project.paths[at]: {
                "backupFileName": f"{at:016x}@v{1 + self.rng.randrange(4)}",
                "version": 1,
            }
            for at in self.working_set[:3]
        }
        snapshot = {"messageId": message, "trackedFileBackups": files, "timestamp": self._now()}
        return {
            "type": "file-history-snapshot",
            "messageId": message,
            "snapshot": snapshot,
            "isSnapshotUpdate": False,
        }
