"""Goose's records: a row of the database, or a line of the older files."""

from __future__ import annotations

from typing import Any

import msgspec

from ctxstore.sources.jsonl.reader import RecordReader

COUNTED = ("user", "assistant", "system")


class GooseRow(msgspec.Struct, gc=False):
    """The columns or members that messages and summaries need. All may have any type, because formats change."""

    role: Any = None
    id: Any = None
    message_id: Any = None
    content_json: Any = None
    created_timestamp: Any = None
    created: Any = None
    name: Any = None
    description: Any = None
    working_dir: Any = None
    model_config_json: Any = None


class GooseRecord(GooseRow, gc=False):
    """A line of a session.

    - `row`: the row of the database. A line of an older file has no row but the members themselves.
    - `raw`: the bytes of the line.
    """

    table: Any = None
    row: GooseRow | None = None
    raw: Any = None

    @property
    def values(self) -> GooseRow:
        """The part of the record that contains the values: the row, or the record itself."""
        return self.row or self

    @property
    def is_session(self) -> bool:
        """Whether the record describes the session, not a message."""
        return self.table == "sessions" if self.row else self.role is None and self.working_dir is not None

    @property
    def counted_role(self) -> str:
        """The role of a message without regard to its content, or ``meta`` for other lines.

        Only the content shows whether a message consists of tools' results.
        """
        is_message = self.table == "messages" if self.row else True
        role = self.values.role
        return role if is_message and role in COUNTED else "meta"


def _accept(record: GooseRecord, raw: bytes) -> GooseRecord | None:
    record.raw = raw
    return record if record.row or record.role is not None or record.is_session else None


read = RecordReader(GooseRecord, accept=_accept).read
"""The pieces of a line, each with its record."""
