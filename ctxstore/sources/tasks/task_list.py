"""The entry of a restored task in Cline's or Roo Code's list of tasks."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any

from ctxstore.sources.content import json_object
from ctxstore.sources.document.session_list import ListedSession
from ctxstore.sources.document.split_array import cut
from ctxstore.sources.resumable import ContextChange, IndexEntry, StoredContext
from ctxstore.sources.tasks.layout import TASKS, WINDOW
from ctxstore.sources.tasks.resume import ITEM, require_task, restore_layout
from ctxstore.sources.tasks.transcript import KEY, TaskSummary, iter_messages

LIST = "state/taskHistory.json"
INDEX = "tasks/_index.json"
LEFT_OUT = "conversationHistoryDeletedRange"
"""The part of a long conversation that Cline no longer sends."""


def list_cline(stored: StoredContext, change: ContextChange) -> Sequence[IndexEntry]:
    """Returns the entry for Cline's list of tasks. It is built anew from the restored task, because the original entry
    is not saved with the task's files."""
    transcript = require_task(stored, change)
    if transcript is None or not transcript.startswith(TASKS + "/"):
        return []  # the newer Cline lists what it finds
    task = change.session or stored.session
    summary = TaskSummary("")
    for message in iter_messages(stored.read(transcript)):
        summary.add(message)
    title, project = summary.title, summary.project or stored.project
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
    if project:
        item["cwdOnTaskInitialization"] = change.path(project)
    left_out = [value for record in shown if (value := record.get(LEFT_OUT))]
    if left_out:
        item[LEFT_OUT] = left_out[-1]
    return [ListedSession(LIST, "id", task, json.dumps(item, separators=(",", ":")).encode())]


def list_roo(stored: StoredContext, change: ContextChange, home: str) -> Sequence[IndexEntry]:
    """Returns the entry for Roo Code's index, if the index exists. Without one, Roo Code builds it from the entries in
    the tasks' folders."""
    if require_task(stored, change) is None or not os.path.exists(os.path.join(home, INDEX)):
        return []
    laid = next((each for each in restore_layout(stored, change) if each.key.endswith("/" + ITEM)), None)
    if laid is None or laid.origin is None:
        return []
    blocks = stored.read(laid.origin)
    entry = b"".join(laid.edit(blocks) if laid.edit else blocks).strip()
    task = change.session or stored.session
    return [ListedSession(INDEX, "id", task, entry, "entries")] if json_object(entry).get("id") == task else []


def _shown(stored: StoredContext, change: ContextChange) -> list[dict[str, Any]]:
    """Returns the messages that Cline's window shows after the checkout."""
    for laid in restore_layout(stored, change):
        if laid.origin is not None and laid.key.rpartition("/")[2] in WINDOW:
            blocks = stored.read(laid.origin)
            data = b"".join(laid.edit(blocks) if laid.edit else blocks)
            found = cut(data, KEY)
            return [json_object(data[start:end]) for start, end in found.records] if found else []
    return []
