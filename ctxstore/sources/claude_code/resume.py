"""A checkout that Claude Code continues from: under another id, in another folder, or up to a message.

Claude Code finds a session by its transcript's name, in the folder named after the project's path. It reads session
and folder from each record. Messages stay unchanged.
"""

from __future__ import annotations

from collections.abc import Sequence

from ctxstore.errors import InvalidInput
from ctxstore.sources.claude_code.layout import MEMORY, transcript_key
from ctxstore.sources.claude_code.records import RESTART
from ctxstore.sources.claude_code.transcript import iter_messages
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

__all__ = ["context_of", "encode_project", "index_entries", "new_session", "restore_layout"]

index_entries = no_index_entries

_LONGEST = 200
"""The longest name of a project's folder. A longer one is cut, and a hash of the path is added."""

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def restore_layout(stored: StoredContext, change: ContextChange) -> Sequence[RestoreFile]:
    """Returns the files of a session, or of a project's memories, as Claude Code finds them after `change`."""
    if change.is_empty:
        return restore_all(stored)
    transcript = transcript_key(stored.context, stored.keys)
    if change.session or change.until:
        _require_session(stored, transcript)
    if change.until:
        require_message(stored, change.until, iter_messages(stored.read(transcript or "")))
    keys = [key for key in stored.keys if not (change.session and _is_subagent(key))]
    files = [_restore(stored, key, change, is_transcript=key == transcript) for key in keys]
    return sorted(files, key=lambda file: file.key)


def context_of(stored: StoredContext, change: ContextChange) -> str:
    """Returns the name of the session, or of the memories, after `change`."""
    parts = stored.context.split("/")
    if len(parts) != 3:
        return stored.context
    old, session = _session_of(stored), parts[2]
    if change.session and session == old:
        session = change.session
    return "/".join((parts[0], _project(parts[1], stored.project, change), session))


def encode_project(path: str) -> str:
    """Returns the name of a project's folder below ``projects``.

    All characters but ASCII letters and digits become ``-``, or two of it if JavaScript counts two characters.
    """
    name = "".join(c if c.isascii() and c.isalnum() else "-" * (1 + (c > "\uffff")) for c in path)
    return name if len(name) <= _LONGEST else f"{name[:_LONGEST]}-{_hash(path)}"


def _require_session(stored: StoredContext, transcript: str | None) -> None:
    if transcript is None:
        raise InvalidInput(f"{stored.context} has no transcript, so it can't be made a session of its own")
    if _is_subagent(transcript):
        raise InvalidInput(f"{stored.context} is what a subagent did, so it can't be made a session of its own")


def _session_of(stored: StoredContext) -> str:
    """Returns the session's id, or an empty string if the context is not a session."""
    session = stored.context.split("/")[-1]
    return "" if session.partition(".")[0] in (MEMORY, "home") else session


def _is_subagent(key: str) -> bool:
    """Whether the file is a subagent's transcript beside the sessions, as old versions kept them.

    Its name is its own id, so only the original session can have it.
    """
    parts = key.split("/")
    return len(parts) == 3 and parts[0] == "projects" and parts[2].startswith("agent-")


def _restore(stored: StoredContext, key: str, change: ContextChange, *, is_transcript: bool) -> RestoreFile:
    edit: FileEdit | None = None
    if key.startswith("projects/") and key.endswith(".jsonl"):
        until = change.until if is_transcript else ""
        edit = edit_messages(iter_messages, _fields(stored, change), RESTART, until=until)
    return RestoreFile(_place(stored, key, change), key, edit, is_new=bool(change.session))


def _place(stored: StoredContext, key: str, change: ContextChange) -> str:
    """Returns a file's key after `change`.

    Keys with ids are ``projects/<project>/<session>…``, ``todos/<session>-agent-<session>.json`` and similar.
    """
    parts = key.split("/")
    if parts[0] == "projects" and len(parts) > 1:
        parts[1] = _project(parts[1], stored.project, change)
    old = _session_of(stored)
    at = 2 if parts[0] == "projects" else 1
    if change.session and old and len(parts) > at:
        name = parts[at]
        if name.partition(".")[0] == old or name.startswith(f"{old}-agent-"):
            parts[at] = name.replace(old, change.session)
    return "/".join(parts)


def _project(folder: str, project: str | None, change: ContextChange) -> str:
    """Returns the name of a project's folder after `change`."""
    if project and encode_project(project) == folder:
        return encode_project(change.path(project))
    # The session's first folder is unknown, or is not the project's. Then only the name of the folder can be mapped.
    for old, new in sorted(change.paths, key=lambda pair: -len(pair[0])):
        prefix = encode_project(old)
        if folder == prefix or folder.startswith(prefix + "-"):
            return encode_project(new) + folder[len(prefix) :]
    return folder


def _fields(stored: StoredContext, change: ContextChange) -> Fields:
    """Returns the members to change in each record."""
    old = _session_of(stored)
    return {"sessionId": lambda id: change.session if change.session and id == old else id, "cwd": change.path}


def _hash(path: str) -> str:
    """Returns Java's hash of a string as an absolute number in base 36, as Claude Code computes it."""
    units = path.encode("utf-16-le", "surrogatepass")
    number = 0
    for low, high in zip(units[::2], units[1::2], strict=True):
        number = (number * 31 + low + 256 * high) & 0xFFFFFFFF
    number = min(number, (1 << 32) - number)
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return digits or "0"
