"""A talk as messages, and its summary. A line is ``{"talk": …, "n": 1, "who": "me", "text": …, "folder": …}``."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from ctxstore.sources.content import string_or_none, text_parts
from ctxstore.sources.jsonl import messages
from ctxstore.sources.jsonl.reader import RecordReader
from ctxstore.sources.jsonl.scanner import RecordScanner
from ctxstore.sources.protocol import Attributes, Message, Scanner
from ctxstore.sources.summary import SessionSummary

ROLES = {"me": "user", "abacus": "assistant"}


class AbacusRecord(msgspec.Struct):
    n: Any = None
    who: Any = None
    text: Any = None
    folder: Any = None

    @property
    def role(self) -> str:
        return ROLES.get(self.who, "meta") if isinstance(self.who, str) else "meta"


read = RecordReader(AbacusRecord).read


def iter_messages(blocks: Iterable[bytes], offset: int = 0) -> Iterator[Message]:
    return messages.iter_messages(blocks, offset, read, _message)


def _message(raw: bytes, record: AbacusRecord, offset: int) -> Message:
    return Message(str(record.n or f"@{offset}"), record.role, text_parts(record.text), None, None, raw, offset)


def make_scanner(before: Attributes | None = None) -> Scanner:
    return RecordScanner(read, AbacusSummary("Abacus", before))


class AbacusSummary(SessionSummary):
    def add(self, record: AbacusRecord) -> None:
        if record.role != "meta":
            self.count_message()
        if record.role == "user":
            self.set_title(text_parts(record.text))
        self.project = self.project or string_or_none(record.folder)
