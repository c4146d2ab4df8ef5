"""A checkout that Codex continues from: under another id, in another folder, or from an earlier message.

Codex finds a session by the id in its rollout's name, and reads id and folder from the records beside the conversation.
Messages stay unchanged, and so does ``world_state``, Codex's record of the surroundings it described to the model: by
it Codex notices, in another folder, that it must describe them again.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from typing import Any

from ctxstore.errors import InvalidInput
from ctxstore.sources.codex.compressed import unpack
from ctxstore.sources.codex.database import ListedThread, StaleHistory, find_newest
from ctxstore.sources.codex.layout import IMAGES
from ctxstore.sources.codex.lineage import iter_stored, moved_base, stored_base
from ctxstore.sources.codex.records import CONTEXT, EVENT, META, RESTART, RolloutRecord, read
from ctxstore.sources.codex.rollouts import ARCHIVED, PACKED, Rollout, rollout_of, transcript_key
from ctxstore.sources.codex.thread_row import facts_of
from ctxstore.sources.codex.transcript import CodexThread, iter_messages
from ctxstore.sources.jsonl.edit import Fields, edit_line
from ctxstore.sources.jsonl.messages import iter_padded
from ctxstore.sources.lineage import id_in_file, trace
from ctxstore.sources.protocol import unknown_message
from ctxstore.sources.resumable import (
    ContextChange,
    FileEdit,
    IndexEntry,
    RestoreFile,
    StoredContext,
    no_such_message,
    restore_all,
)

_IDS = ("id", "session_id", "thread_id", "conversation_id")
_FOLDERS = ("cwd", "workspace_roots", "runtime_workspace_roots")
_ENDS = frozenset({"task_complete", "turn_complete", "turn_aborted"})
_SHOWN = frozenset({"user_message", "token_count"}) | _ENDS
"""Events that follow what they are about."""


def new_session(now: int, random: bytes) -> str:
    """Returns a UUID, version 7 (RFC 9562): Codex sorts by them."""
    from uuid import UUID

    value = (now // 10**6 & (1 << 48) - 1) << 80 | int.from_bytes(random[:10], "big")
    return str(UUID(int=value & ~(0xF << 76) & ~(0x3 << 62) | 0x7 << 76 | 0x2 << 62))


def restore_layout(stored: StoredContext, change: ContextChange) -> Sequence[RestoreFile]:
    """Returns a session's files with the keys that Codex expects after `change`."""
    if change.is_empty:
        return [file for file in restore_all(stored) if file.key not in stored.unchanged]
    transcript = transcript_key(stored.context, stored.keys)
    if transcript is None:
        if change.session or change.until:
            raise InvalidInput(f"{stored.context} has no transcript, so it can't be made a session of its own")
        return restore_all(stored)
    origin, change = _origin(stored, transcript, change)
    # Unpacked, both copies of a rollout would be one file.
    own = set(stored.keys) - {key + PACKED for key in stored.keys}
    kept = ((_continued(stored, origin) if change.session else own) - stored.unchanged) | {origin}
    keys = [key for key in stored.keys if key in kept or not rollout_of(key)]
    return sorted((_lay(stored, key, change, origin) for key in keys), key=lambda each: each.key)


def _origin(stored: StoredContext, transcript: str, change: ContextChange) -> tuple[str, ContextChange]:
    """Returns the rollout that becomes the restored session, and the change of that rollout. It is the one with the
    last message to keep."""
    if not change.until:
        return transcript, change
    history = [place for place, _ in _history(stored, transcript)]
    for number, key in reversed(list(enumerate(history, 1))):
        until = change.until if key == transcript else id_in_file(change.until, number)
        if any(message.id == until for message in iter_messages(iter_stored(stored, key))):
            return key, change._replace(until=until)
    raise no_such_message(stored, change.until)


def _continued(stored: StoredContext, key: str) -> set[str]:
    """Returns the keys of the rollouts that the rollout `key` continues."""
    return {place for place, _ in _history(stored, key)} - {key}


def _history(stored: StoredContext, key: str) -> list[tuple[str, int | None]]:
    return trace(key, lambda each: stored_base(stored, each))


def context_of(stored: StoredContext, change: ContextChange) -> str:
    """Returns the session's name after `change`."""
    transcript = transcript_key(stored.context, stored.keys)
    rollout = rollout_of(transcript) if transcript else None
    return _renamed(rollout, change).context if rollout and change.session else stored.context


def index_entries(stored: StoredContext, change: ContextChange, home: str) -> Sequence[IndexEntry]:
    """Returns the row for the list of sessions, and the removal of a stale history. A missing database needs no
    entry."""
    transcript = transcript_key(stored.context, stored.keys)
    rollout = rollout_of(_place(transcript, change)) if transcript else None
    if transcript is None or rollout is None:
        return []
    threads = find_newest(home, "state", "threads")
    history = find_newest(home, "thread_history", "thread_turns")
    if not (threads or history):
        return []
    facts = facts_of(_restored_rollout(stored, change, transcript))
    found: list[IndexEntry] = []
    if threads:
        place = _listed_place(home, _place(transcript, change), change.now)
        values: dict[str, Any] = {"source": "cli", "model_provider": "openai", "cwd": "/", "title": ""}
        values |= {**_times(change.now), **facts.values, **place}
        decisive = ("rollout_path", "archived", *(("cwd",) if change.paths or change.session else ()))
        found.append(ListedThread(threads, rollout.thread, values, decisive))
    if history:
        found.append(StaleHistory(history, rollout.thread, facts.turns, facts.size))
    return found


def _restored_rollout(stored: StoredContext, change: ContextChange, transcript: str) -> Iterator[bytes]:
    """Yields the lines of the rollout as they will be, unpacked."""
    key, change = _origin(stored, transcript, change)
    blocks = stored.read(key)
    if change.is_empty:
        return unpack(blocks) if key.endswith(PACKED) else blocks
    return _edit(stored, change, key)(blocks)


def _listed_place(home: str, key: str, now: int) -> dict[str, Any]:
    is_archived = key.startswith(ARCHIVED + "/")
    at = now // 10**9 if is_archived else None
    return {"rollout_path": os.path.join(home, key), "archived": int(is_archived), "archived_at": at}


def _times(now: int) -> dict[str, int]:
    seconds, milliseconds = now // 10**9, now // 10**6
    names = ("created_at", "updated_at", "recency_at")
    return dict.fromkeys(names, seconds) | {name + "_ms": milliseconds for name in names}


def _lay(stored: StoredContext, key: str, change: ContextChange, origin: str) -> RestoreFile:
    if key != origin and rollout_of(key):
        change = _others_change(change)
    edit = _edit(stored, change, key) if rollout_of(key) and not change.is_empty else None
    return RestoreFile(_place(key, change), key, edit, is_new=bool(change.session))


def _others_change(change: ContextChange) -> ContextChange:
    """Returns the change for the session's other rollouts, which keep their names and are not shortened."""
    return change._replace(session="", until="")


def _place(key: str, change: ContextChange) -> str:
    """Returns the key under which a file is restored.

    A changed rollout is restored without compression. Codex compresses it again when it is old.
    """
    rollout = rollout_of(key)
    if rollout is None:
        return _image(key, change) if key.startswith(IMAGES + "/") else key
    if change.session:
        return _renamed(rollout, change).key
    return key if change.is_empty else key.removesuffix(PACKED)


def _image(key: str, change: ContextChange) -> str:
    parts = key.split("/")
    return "/".join((parts[0], change.session or parts[1], *parts[2:]))


def _renamed(rollout: Rollout, change: ContextChange) -> Rollout:
    day, _, clock = time.strftime("%Y-%m-%dT%H-%M-%S", time.localtime(change.now // 10**9)).partition("T")
    return Rollout(day, clock, change.session, packed=False)


def _edit(stored: StoredContext, change: ContextChange, key: str) -> FileEdit:
    edit = _edit_plain(stored, change, key)
    return (lambda blocks: edit(unpack(blocks))) if key.endswith(PACKED) else edit


def _edit_plain(stored: StoredContext, change: ContextChange, key: str) -> FileEdit:
    """Returns the edit of a rollout's bytes, unpacked."""
    rollout = rollout_of(key)
    old = rollout.thread if rollout else ""

    def name(id: str) -> str:
        return change.session if change.session and id == old else id

    def edit_plain(blocks: Iterator[bytes]) -> Iterator[bytes]:
        base = moved_base(stored, key, lambda other: _edit_plain(stored, _others_change(change), other))
        for raw, found in _kept(blocks, change.until):
            line = edit_line(raw, _fields(found, name, change), RESTART) if found else raw
            yield base.edit(line) if base and found and found.line.type == META else line

    return edit_plain


def _fields(found: RolloutRecord, name: Any, change: ContextChange) -> Fields:
    """Returns the members to change in a record. Messages have none."""
    type = found.line.type
    folders: dict[str, Any] = dict.fromkeys(_FOLDERS, change.path)
    if found.line.role != "meta":
        return {}
    fields: dict[str, Any] = dict.fromkeys(_IDS, name)
    if type in (META, CONTEXT):
        fields |= folders
    if type == EVENT:
        fields["thread_settings"] = folders
    return {"payload": fields}


RolloutPiece = tuple[bytes, RolloutRecord | None]


def _kept(blocks: Iterator[bytes], until: str) -> Iterator[RolloutPiece]:
    """Yields the records up to the message `until`, and the later events that show this message or end its turn."""
    thread, offset = CodexThread(), 0
    pieces = iter_padded(blocks, read)
    for raw, found in pieces:
        yield raw, found
        message = thread.message(raw, found, offset) if found else unknown_message(raw, offset)
        offset += len(raw)
        if until and message.id == until:
            break
    for raw, found in pieces:
        kind = _kind(found)
        if kind is None:
            return
        yield raw, found
        if kind in _ENDS:
            return


def _kind(found: RolloutRecord | None) -> str | None:
    """Returns the kind of an event that refers to the record before it, or None for other records."""
    payload = found.record.payload if found else None
    if not found or not isinstance(payload, dict):
        return None
    if found.line.type == "token_usage_record":
        return "token_count"
    kind = payload.get("type") if found.line.type == EVENT else None
    item = payload.get("item")
    if kind == "item_completed" and isinstance(item, dict) and item.get("type") == "UserMessage":
        return "user_message"
    return kind if isinstance(kind, str) and kind in _SHOWN else None
