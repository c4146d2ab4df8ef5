"""The lines of a talk: ``{"talk": …, "n": 1, "who": "me", "text": …, "folder": …}``."""

from collections.abc import Iterable, Iterator
from typing import Any

from ctxstore.sources.jsonl import messages
from ctxstore.sources.jsonl.lenient_json import decode_lenient, split
from ctxstore.sources.jsonl.scanner import RecordScanner
from ctxstore.sources.protocol import Attributes, Message, Part, Scanner

ROLES = {"me": "user", "abacus": "assistant"}

Record = dict[str, Any]


def read(line: bytes) -> list[tuple[bytes, Record | None]]:
    """Splits a line into its objects and the bytes between them."""
    return [(piece, decode_lenient(piece) if whole else None) for piece, whole in split(line)]


def role_of(record: Record) -> str:
    who = record.get("who")
    return ROLES.get(who, "meta") if isinstance(who, str) else "meta"


def iter_messages(blocks: Iterable[bytes], offset: int = 0) -> Iterator[Message]:
    return messages.iter_messages(blocks, offset, read, _message)


def _message(raw: bytes, record: Record | None, offset: int) -> Message:
    if record is None:
        return Message(f"@{offset}", "unknown", (), None, None, raw, offset)
    text = record.get("text")
    parts = (Part("text", text),) if isinstance(text, str) else ()
    return Message(str(record.get("n") or f"@{offset}"), role_of(record), parts, None, None, raw, offset)


class Talk:
    """The title, folder and number of messages, from the start or continued from `before`."""

    def __init__(self, before: Attributes | None) -> None:
        self.is_resumed = before is not None
        self.found = before or Attributes(agent="Abacus", messages=0)

    def add(self, record: Record) -> None:
        found, text, folder = self.found, record.get("text"), record.get("folder")
        role = role_of(record)
        if role == "user" and isinstance(text, str):
            found = found._replace(title=found.title or text[:80])
        if isinstance(folder, str):
            found = found._replace(project=found.project or folder)
        if role != "meta" and found.messages is not None:
            found = found._replace(messages=found.messages + 1)
        self.found = found

    def attributes(self) -> Attributes:
        return self.found


def scan(before: Attributes | None) -> Scanner:
    return RecordScanner(read, Talk(before))
