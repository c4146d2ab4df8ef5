"""A checkout that Copilot CLI continues from: under another id, in another folder, or up to a message.

Copilot finds a session by its folder's name, and reads id and folder from its first event and ``workspace.yaml``.
Messages stay unchanged.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ctxstore.errors import InvalidInput
from ctxstore.sources.copilot.layout import (
    SESSIONS,
    WORKSPACE,
    context_name,
    events_key,
    is_legacy,
    session_of,
    transcript_key,
)
from ctxstore.sources.copilot.records import RESTART
from ctxstore.sources.copilot.transcript import iter_messages
from ctxstore.sources.jsonl.edit import Fields, edit_messages
from ctxstore.sources.resumable import (
    ContextChange,
    FileEdit,
    RestoreFile,
    StoredContext,
    no_index_entries,
    require_message,
    restore_all,
)
from ctxstore.sources.resumable import new_uuid as new_session

__all__ = ["context_of", "index_entries", "new_session", "restore_layout"]

index_entries = no_index_entries

_FIELD = re.compile(rb"(id|cwd|git_root): +(.*?)([ \t]*\r?\n?)\Z", re.DOTALL)
_QUOTED = b"'\""


def restore_layout(stored: StoredContext, change: ContextChange) -> Sequence[RestoreFile]:
    """Returns a session's files as Copilot looks for them after `change`."""
    if change.is_empty:
        return restore_all(stored)
    transcript = transcript_key(stored.context, stored.keys)
    if transcript is not None and is_legacy(transcript):
        if change.session or change.until:
            raise InvalidInput(
                f"{stored.context} can only be brought back as it was: Copilot CLI before 0.0.342 kept it"
            )
        return restore_all(stored)
    if (change.session or change.until) and transcript is None:
        raise InvalidInput(f"{stored.context} has no transcript, so it can't be made a session of its own")
    if change.until:
        require_message(stored, change.until, iter_messages(stored.read(transcript or "")))
    laid = [_lay(stored, key, change, transcript) for key in stored.keys if not _is_spare(key, change, transcript)]
    return sorted(laid, key=lambda each: each.key)


def context_of(stored: StoredContext, change: ContextChange) -> str:
    """Returns the session's name after `change`."""
    session = session_of(stored.context)
    return context_name(change.session) if session and change.session else stored.context


def _is_spare(key: str, change: ContextChange, transcript: str | None) -> bool:
    """Whether the file is a copy by an old version, beside the transcript. A new session needs no such copy."""
    return bool(change.session) and key.count("/") == 1 and key.endswith(".jsonl") and key != transcript


def _lay(stored: StoredContext, key: str, change: ContextChange, transcript: str | None) -> RestoreFile:
    old = session_of(stored.context) or ""
    edit: FileEdit | None = None
    if key == transcript:
        edit = _events(old, change)
    elif old and key == f"{SESSIONS}/{old}/{WORKSPACE}":
        edit = _workspace(change)
    return RestoreFile(_place(key, old, change, key == transcript), key, edit, is_new=bool(change.session))


def _place(key: str, old: str, change: ContextChange, is_transcript: bool) -> str:
    """Returns the key a file is restored as. A new session has a folder, even if the old one was a file: newer versions
    want one."""
    if not change.session or not old:
        return key
    if is_transcript:
        return events_key(change.session)
    folder = f"{SESSIONS}/{old}"
    return f"{SESSIONS}/{change.session}{key[len(folder) :]}" if key == folder or key.startswith(folder + "/") else key


def _events(old: str, change: ContextChange) -> FileEdit:
    def name(id: str) -> str:
        return change.session if change.session and id == old else id

    folders: dict[str, Any] = {"cwd": change.path, "gitRoot": change.path}
    usage: Fields = {"accounting": {"sourceSessionId": name}}
    fields: Fields = {"data": {"sessionId": name, "context": folders, "usage": usage}}
    return edit_messages(iter_messages, fields, RESTART, until=change.until, only_meta=True)


def _workspace(change: ContextChange) -> FileEdit:
    """Returns the edit of ``workspace.yaml``, a list of names and values with one pair on each line."""

    def edit(blocks: Iterator[bytes]) -> Iterator[bytes]:
        for line in b"".join(blocks).splitlines(keepends=True):
            found = _FIELD.match(line)
            if found is None:
                yield line
                continue
            new: Callable[[str], str] = change.path if found[1] != b"id" else lambda id: change.session or id
            yield b"%s: %s%s" % (found[1], _changed(found[2], new), found[3])

    return edit


def _changed(value: bytes, change: Callable[[str], str]) -> bytes:
    """Changes a YAML scalar on one line, which is plain or has quotes of one of two kinds."""
    try:
        text = value.decode()
        if value[:1] == b'"':
            text = json.loads(value)
        elif value[:1] == b"'":
            text = text[1:-1].replace("''", "'")
    except ValueError:
        return value
    new = change(text)
    if new == text:
        return value
    plain = re.fullmatch(r"[/\w][\w/.~+-]*", new) is not None
    return new.encode() if plain and value[:1] not in _QUOTED else json.dumps(new, ensure_ascii=False).encode()
