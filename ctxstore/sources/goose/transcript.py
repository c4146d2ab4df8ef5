"""A Goose session as messages, and its summary: of the database's rows, or of the lines of an older file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from time import gmtime, strftime
from typing import Any

import msgspec

from ctxstore.sources.content import kind_of, string, string_or_none, text_parts
from ctxstore.sources.goose.records import COUNTED, GooseRecord, read
from ctxstore.sources.jsonl import messages as jsonl
from ctxstore.sources.jsonl.lenient_json import DECODE_ERRORS, decode_lenient
from ctxstore.sources.jsonl.scanner import RecordScanner
from ctxstore.sources.protocol import Attributes, Message, Part, Scanner
from ctxstore.sources.summary import SessionSummary, one_line

_MILLISECONDS = 1 << 36
"""Larger times are not in seconds, whatever the version."""


def iter_messages(blocks: Iterable[bytes], offset: int = 0) -> Iterator[Message]:
    """Yields the messages in `blocks`, the first of which starts at `offset`. Their `raw`, joined, is the input."""
    return jsonl.iter_messages(blocks, offset, read, _message)


def content_of(record: GooseRecord) -> Any:
    """Returns the blocks of a message."""
    try:
        if record.row:
            text = record.row.content_json
            return msgspec.json.decode(text) if isinstance(text, str) else None
        return _body.decode(record.raw).content
    except DECODE_ERRORS:
        return None if record.row else (decode_lenient(record.raw) or {}).get("content")


def parts_of(content: Any) -> tuple[Part, ...]:
    """Returns the parts of a list of blocks, or of a text."""
    if isinstance(content, str):
        return text_parts(content)
    blocks = content if isinstance(content, list) else [] if content is None else [content]
    return tuple(map(_part_of, blocks))


def _message(raw: bytes, record: GooseRecord, offset: int) -> Message:
    values, role = record.values, record.counted_role
    parts: tuple[Part, ...] = ()
    if role != "meta":
        content = content_of(record)
        parts = parts_of(content)
        role = "tool" if role == "user" and _is_tool_answer(content) else role
    elif record.is_session:
        parts = text_parts(values.name or values.description)
    id = string(values.message_id if record.row else values.id) or f"@{offset}"
    return Message(id, role, parts, _time(values.created_timestamp or values.created), None, raw, offset)


def _time(value: Any) -> str | None:
    if not isinstance(value, (int, float)) or not 0 < value < 1 << 47:
        return None
    return strftime("%Y-%m-%dT%H:%M:%SZ", gmtime(value / 1000 if value > _MILLISECONDS else value))


def _is_tool_answer(content: Any) -> bool:
    return isinstance(content, list) and bool(content) and all(kind_of(block) == "toolResponse" for block in content)


def _part_of(block: Any) -> Part:
    kind = kind_of(block)
    if kind == "text":
        return Part("text", string(block.get("text")))
    if kind == "thinking":
        return Part("thinking", string(block.get("thinking")))
    if kind in ("toolRequest", "frontendToolRequest"):
        call = _value(block.get("toolCall"))
        call = call if isinstance(call, dict) else {}
        return Part("tool_use", name=string(call.get("name")), call=string(block.get("id")), data=call.get("arguments"))
    if kind == "toolResponse":
        return _result(block)
    return Part("image" if kind == "image" else "other", data=block)


def _result(block: dict[str, Any]) -> Part:
    outcome = block.get("toolResult")
    found = _value(outcome)
    content = found.get("content") if isinstance(found, dict) else found
    failed = isinstance(outcome, dict) and (outcome.get("status") == "error" or _is_error(found))
    if failed and content is None and isinstance(outcome, dict):
        content = outcome.get("error")
    if isinstance(content, list):
        text = "\n".join(string(each.get("text")) for each in content if kind_of(each) == "text")
    else:
        text = string(content)
    if not text and content and not isinstance(content, str):
        text = json.dumps(content, ensure_ascii=False)
    return Part("tool_result", text, call=string(block.get("id")), data=content, error=failed)


def _value(outcome: Any) -> Any:
    return outcome.get("value") if isinstance(outcome, dict) and "status" in outcome else outcome


def _is_error(found: Any) -> bool:
    return isinstance(found, dict) and bool(found.get("isError") or found.get("is_error"))


class _Body(msgspec.Struct):
    content: Any = None


_body = msgspec.json.Decoder(_Body)


_UNTITLED = ("", "New Chat", "New session", "CLI Session", "ACP Session")


def make_scanner(before: Attributes | None = None) -> Scanner:
    """Returns a scanner of a session, or of what was added to it since `before`."""
    return RecordScanner(read, _GooseSummary("Goose", before))


class _GooseSummary(SessionSummary):
    def add(self, record: GooseRecord) -> None:
        """Adds the next line."""
        if record.is_session:
            self._add_session(record)
        role = record.counted_role
        if role in COUNTED:
            self.count_message()
            if role == "user" and not self.title:
                self.set_title(parts_of(content_of(record)))

    def _add_session(self, record: GooseRecord) -> None:
        row = record.values
        titles = (title for title in (row.name, row.description) if isinstance(title, str))
        self.own_title = next((one_line(title) for title in titles if title.strip() not in _UNTITLED), "")
        self.project = self.project or string_or_none(row.working_dir)
        try:
            text = row.model_config_json
            config: Any = msgspec.json.decode(text) if isinstance(text, str) else {}
        except DECODE_ERRORS:
            config = {}
        self.model = string_or_none(config.get("model_name") if isinstance(config, dict) else None) or self.model
