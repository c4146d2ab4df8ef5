"""A checkout that Cline or Roo Code continues from: under another id, in another folder, or up to a message.

A task's id is its folder's name. Roo Code repeats it in the task's entry, ``history_item.json``, which names the
project too. For sessions of the newer Cline see `layout_v3`. Messages stay unchanged.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ctxstore.errors import InvalidInput
from ctxstore.sources.content import json_object
from ctxstore.sources.document.members import members, replace, text_of
from ctxstore.sources.document.messages import HEAD, TAIL
from ctxstore.sources.document.split_array import cut, shorten
from ctxstore.sources.resumable import (
    ContextChange,
    FileEdit,
    RestoreFile,
    StoredContext,
    edit_whole,
    no_such_message,
    restore_all,
)
from ctxstore.sources.tasks import layout_v3
from ctxstore.sources.tasks.layout import HISTORY, HOME, SESSIONS, WINDOW, transcript_key
from ctxstore.sources.tasks.records import read
from ctxstore.sources.tasks.transcript import KEY, iter_messages

ITEM = "history_item.json"
EDITS = "context_history.json"
"""The parts that Cline leaves out of messages when it sends them, by the messages' numbers."""


class End:
    """The end of a restored task: the `number` of messages to keep, and the `time` of the last one (ms, or 0 if
    unknown)."""

    def __init__(self, stored: StoredContext, transcript: str, until: str) -> None:
        self.number, self.time = 0, 0
        for message in iter_messages(stored.read(transcript)):
            is_record = message.id not in (HEAD, TAIL)
            self.number += is_record
            record = read(message.raw.lstrip(b"[, \t\r\n")) if message.id == until else None
            if message.id == until:
                self.time = record.ts if record and type(record.ts) is int else 0
                return
        raise no_such_message(stored, until)

    def is_past(self, record: dict[str, Any]) -> bool:
        """Whether a message of the window belongs to a later message of the history."""
        if self.time:
            ts = record.get("ts")
            return type(ts) is int and ts > self.time
        # The number of messages when it was shown, less one: the one it belongs to was not added yet.
        index = record.get("conversationHistoryIndex")
        return type(index) is int and index >= self.number - 1


def restore_layout(stored: StoredContext, change: ContextChange) -> Sequence[RestoreFile]:
    """Returns the files of a task with the keys that the agent expects after `change`."""
    transcript = require_task(stored, change)
    if transcript is None:
        return restore_all(stored)
    if change.is_empty:
        return [RestoreFile(key, key, _moved(stored, key, change)) for key in stored.keys]
    end = End(stored, transcript, change.until) if change.until else None
    laid = [
        RestoreFile(_place(stored, key, change), key, _edit(stored, key, change, end), is_new=bool(change.session))
        for key in stored.keys
    ]
    return sorted(laid, key=lambda each: each.key)


def require_task(stored: StoredContext, change: ContextChange) -> str | None:
    """Returns the key of a task's messages, or None if the context is not a task. Raises `InvalidInput` if it cannot be
    made one."""
    transcript = transcript_key(stored.context, stored.keys)
    if transcript is None and (change.session or change.until):
        raise InvalidInput(f"{stored.context} has no messages, so it can't be made a task of its own")
    return transcript


def context_of(stored: StoredContext, change: ContextChange) -> str:
    """Returns the task's name after `change`."""
    source, _, task = stored.context.rpartition("/")
    return f"{source}/{change.session}" if change.session and task != HOME else stored.context


def _place(stored: StoredContext, key: str, change: ContextChange) -> str:
    if key.startswith(SESSIONS + "/"):
        return layout_v3.place(key, stored.session, change)
    top, _, rest = key.partition("/")
    task, slash, below = rest.partition("/")
    return f"{top}/{change.session or task}{slash}{below}"


def _moved(stored: StoredContext, key: str, change: ContextChange) -> FileEdit | None:
    """Returns the edit of a file that contains the path of the messages, or None for other files.

    The path changes in another home, even if the session is unchanged.
    """
    task = stored.session
    is_moved = change.home and layout_v3.names_its_place(key, task)
    return edit_whole(lambda data: layout_v3.changed(data, key, task, change, None)) if is_moved else None


def _edit(stored: StoredContext, key: str, change: ContextChange, end: End | None) -> FileEdit | None:
    name = key.split("/", 2)[-1]
    task = stored.session
    if key.startswith(SESSIONS + "/"):
        kept = end.number if end else None
        is_changed = name in (f"{task}.json", f"{task}.messages.json")
        return edit_whole(lambda data: layout_v3.changed(data, key, task, change, kept)) if is_changed else None
    if name == ITEM:
        return edit_whole(lambda data: _item(data, task, change))
    if end is None:
        return None
    if name == HISTORY or (name in WINDOW and key == transcript_key(stored.context, stored.keys)):
        return edit_whole(lambda data: shorten(data, KEY, end.number))
    if name in WINDOW:
        return edit_whole(lambda data: shorten_window(data, end))
    return edit_whole(lambda data: _edits(data, end.number)) if name == EDITS else None


def shorten_window(data: bytes, end: End) -> bytes:
    """Returns the messages of the window up to `end`."""
    found = cut(data, KEY)
    records = [json_object(data[start:stop]) for start, stop in found.records] if found else []
    kept = next((number for number, record in enumerate(records) if end.is_past(record)), len(records))
    return shorten(data, KEY, kept)


def _edits(data: bytes, number: int) -> bytes:
    found = cut(data, KEY)
    if found is None:
        return data
    kept = [data[start:stop] for start, stop in found.records if not _is_edit_past(data[start:stop], number)]
    return data if len(kept) == len(found.records) else b"[" + b",".join(kept) + b"]"


def _is_edit_past(record: bytes, number: int) -> bool:
    try:
        value = json.loads(record)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, list) and bool(value) and type(value[0]) is int and value[0] >= number


def _item(data: bytes, task: str, change: ContextChange) -> bytes:
    values = {}
    for member in members(text_of(data)):
        try:
            value = json.loads(data[member.start : member.end])
        except (ValueError, RecursionError):
            continue
        new = _item_value(member.key, value, task, change)
        if new != value:
            values[member.key] = json.dumps(new).encode()
    return replace(data, values)


def _item_value(key: str, value: Any, task: str, change: ContextChange) -> Any:
    if key in ("id", "rootTaskId") and change.session and value == task:
        return change.session
    if key == "workspace" and isinstance(value, str):
        return change.path(value)
    return change.now // 10**6 if key == "ts" and change.session else value
