"""The JSON values that several commands print with ``--json``. Documented in docs/cli.md."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ctxstore.ops.export.values import bytes_value, commit_value, entry_value, iso_time, message_value

if TYPE_CHECKING:
    from ctxstore import FileChange, Forgotten, MemoryChange, Op, StoredCommit
    from ctxstore.ids import ObjectId

__all__ = [
    "change_value",
    "commit_value",
    "entry_value",
    "iso_time",
    "mark_value",
    "memory_value",
    "message_value",
    "op_value",
    "stored_commit_value",
]


def stored_commit_value(stored: StoredCommit) -> dict[str, Any]:
    """Returns a commit and its id as a JSON value."""
    return commit_value(stored.id, stored.commit)


def op_value(id: ObjectId, op: Op) -> dict[str, Any]:
    """Returns a run as a JSON value."""
    return {
        "id": id.hex(),
        "previous": op.previous.hex() if op.previous else None,
        "time": iso_time(op.time),
        "time_ns": op.time,
        "author": op.author._asdict(),
        "command": op.command,
        "note": op.note,
        "changes": [
            {"ref": ref, "old": old.hex() if old else None, "new": new.hex() if new else None}
            for ref, old, new in op.changes
        ],
        "statistics": dict(op.statistics),
        "undoes": op.undoes.hex() if op.undoes else None,
    }


def mark_value(mark: Forgotten | None) -> dict[str, Any] | None:
    """Returns the time and reason of forgetting a commit, or None if it is not forgotten."""
    return mark and {"time": iso_time(mark.time), "time_ns": mark.time, "reason": mark.reason}


def memory_value(change: MemoryChange) -> dict[str, Any]:
    """Returns a changed memory as a JSON value: its old and new content."""
    old, new = (None if data is None else bytes_value(data) for data in (change.old, change.new))
    return {"key": change.key, "old": old, "new": new}


def change_value(change: FileChange) -> dict[str, Any]:
    """Returns a changed file as a JSON value: its old and new entry."""
    old, new = (entry and entry_value(change.path, entry) for entry in (change.old, change.new))
    return {"path": change.path, "status": change.status, "old": old, "new": new}
