"""What Cline or Roo Code must be told of a task that is put back: its entry in the list of tasks."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any

from ctxstore.sources.cline.layout import TASKS, WINDOW
from ctxstore.sources.cline.resume import ITEM, require_task, restore_layout
from ctxstore.sources.cline.scanner import TaskSummary
from ctxstore.sources.cline.transcript import KEY, iter_messages
from ctxstore.sources.document.session_list import ListedSession
from ctxstore.sources.document.split_array import cut
from ctxstore.sources.resumable import ContextChange, IndexEntry, StoredContext

LIST = "state/taskHistory.json"
INDEX = "tasks/_index.json"
LEFT_OUT = "conversationHistoryDeletedRange"
"""What Cline no longer sends of a long conversation."""


def list_cline(stored: StoredContext, change: ContextChange, root: str) -> Sequence[IndexEntry]:
    """The entry in Cline's list, made of the task as it will be: what it was is not among the task's files."""
    transcript = require_task(stored, change)
    if transcript is None or not transcript.startswith(TASKS + "/"):
        return []  # the newer Cline lists what it finds
    task = change.session or stored.context.rpartition("/")[2]
    tally = TaskSummary("")
    for message in iter_messages(stored.read(transcript)):
        tally.add(message)
    title, _, _, project, _ = tally.attributes()
    shown = _shown(stored, change)
    times = [record["ts"] for record in shown if type(record.get("ts")) is int]
    item: dict[str, Any] = {
        "id": task,
        "ts": change.now // 10**6 if change.session or not times else times[-1],
        "task": next((text for record in shown if (text := record.get("text"))), None) or title or task,
        "tokensIn": 0,
        "tokensOut": 0,
        "totalCost": 0,
    }
    if project or stored.project:
        item["cwdOnTaskInitialization"] = change.path(project or stored.project or "")
    left_out = [value for record in shown if (value := record.get(LEFT_OUT))]
    if left_out:
        item[LEFT_OUT] = left_out[-1]
    return [ListedSession(LIST, "id", task, json.dumps(item, separators=(",", ":")).encode())]


def list_roo(stored: StoredContext, change: ContextChange, root: str) -> Sequence[IndexEntry]:
    """The entry in Roo Code's index, if it has one: else it makes one of the entries among the tasks' files."""
    if require_task(stored, change) is None or not os.path.exists(os.path.join(root, INDEX)):
        return []
    laid = next((each for each in restore_layout(stored, change) if each.key.endswith("/" + ITEM)), None)
    if laid is None or laid.origin is None:
        return []
    blocks = stored.read(laid.origin)
    entry = b"".join(laid.edit(blocks) if laid.edit else blocks).strip()
    task = change.session or stored.context.rpartition("/")[2]
    return [ListedSession(INDEX, "id", task, entry, "entries")] if _is_item(entry, task) else []


def _shown(stored: StoredContext, change: ContextChange) -> list[dict[str, Any]]:
    """What the window will show."""
    for laid in restore_layout(stored, change):
        if laid.origin is not None and laid.key.rpartition("/")[2] in WINDOW:
            blocks = stored.read(laid.origin)
            data = b"".join(laid.edit(blocks) if laid.edit else blocks)
            found = cut(data, KEY)
            records = [_value(data[start:end]) for start, end in found.records] if found else []
            return [record for record in records if isinstance(record, dict)]
    return []


def _is_item(entry: bytes, task: str) -> bool:
    value = _value(entry)
    return isinstance(value, dict) and value.get("id") == task


def _value(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None
