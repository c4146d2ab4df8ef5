"""Reads a saved chat from a commit, or from a file of extn_aider or of a fork of aider."""

from __future__ import annotations

import base64
import json
import os
import stat
from typing import Any, NamedTuple

from .problem import CommandProblem, reason

MAX_BYTES = 1 << 28
"""The limit for the size of a backup file."""

LIST_HINT = "`/context_load` lists the backups"


class SavedFile(NamedTuple):
    """A file that was in the chat. `content` is None if the backup contains only the name."""

    path: str
    is_editable: bool
    content: bytes | None = None
    mode: int | None = None


class Backup(NamedTuple):
    """A saved chat. `origin` names its commit or file. `is_own`: the chat is from the user's own repository."""

    origin: str
    is_own: bool
    timestamp: str
    model: str
    weak_model: str
    editor_model: str
    edit_format: str
    done: list[dict[str, Any]]
    current: list[dict[str, Any]]
    files: list[SavedFile]
    git: dict[str, Any]


def read_backup(path: str) -> Backup:
    """Reads the chat in a file. Raises `CommandProblem`."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # opening a FIFO would block
            raise CommandProblem(f"{path} is not a regular file", LIST_HINT)
        with open(path, "rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise CommandProblem(f"cannot read {path}: {reason(error)}", LIST_HINT) from None
    if len(data) > MAX_BYTES:
        raise CommandProblem(f"{path} is too large for a backup: more than {MAX_BYTES:,} bytes")
    try:
        value = json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise CommandProblem(f"{path} is not UTF-8: {error.reason} at byte {error.start}") from None
    except (ValueError, RecursionError) as error:
        raise CommandProblem(f"{path} is not JSON: {error}") from None
    return parse_backup(value, path, is_own=False)


def parse_backup(value: Any, origin: str, *, is_own: bool) -> Backup:
    """Parses the JSON value of a chat in any of the known formats. Raises `CommandProblem`."""
    if not isinstance(value, dict) or not ("messages" in value or "chat_history" in value):
        raise CommandProblem(f"{origin} is not a backup of a chat: it has no messages")
    done, current = _messages(value, origin)
    model_info = value.get("model_info")
    info = model_info if isinstance(model_info, dict) else {}
    git = value.get("git") or value.get("git_info")
    return Backup(
        origin=origin,
        is_own=is_own,
        timestamp=_text(value.get("timestamp")),
        model=_text(value.get("model") or info.get("name")),
        weak_model=_text(value.get("weak_model")),
        editor_model=_text(value.get("editor_model")),
        edit_format=_text(value.get("edit_format") or info.get("edit_format")),
        done=done,
        current=current,
        files=_files(value, origin),
        git=git if isinstance(git, dict) else {},
    )


def _messages(value: dict[str, Any], origin: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Returns the messages of finished turns, and those of the current turn.

    If the backup does not separate them, all messages belong to finished turns.
    """
    history = value.get("chat_history")
    if isinstance(history, dict):
        done, current = _list(history, "done_messages", origin), _list(history, "cur_messages", origin)
    else:
        both = _list(value, "messages", origin)
        end = value.get("done", len(both))
        if type(end) is not int or not 0 <= end <= len(both):
            raise CommandProblem(f"{origin} is damaged: {end!r} of {len(both)} messages are marked as done")
        done, current = both[:end], both[end:]
    for number, message in enumerate([*done, *current], 1):
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise CommandProblem(f"{origin} is damaged: message {number} has no role")
        if not isinstance(message.get("content"), (str, list, type(None))):
            raise CommandProblem(f"{origin} is damaged: message {number} has no content")
    return done, current


def _files(value: dict[str, Any], origin: str) -> list[SavedFile]:
    files, contents = value.get("files") or [], value.get("contents")
    if isinstance(files, dict):
        kinds = (("editable", True), ("read_only", False), ("read_only_stubs", False))
        named = [(each, flag) for kind, flag in kinds for each in _list(files, kind, origin)]
    else:
        named = [(each, True) for each in _list(value, "files", origin)]
        named += [(each, False) for each in _list(value, "read_only", origin)]
    return [_file(each, flag, contents if isinstance(contents, dict) else {}, origin) for each, flag in named]


def _file(each: Any, is_editable: bool, contents: dict[str, Any], origin: str) -> SavedFile:
    """Parses a file. Its content is in the entry itself, or under ``contents``."""
    entry = each if isinstance(each, dict) else {"name": each}
    path = entry.get("name") or entry.get("path")
    if not isinstance(path, str) or not path or "\0" in path:
        raise CommandProblem(f"{origin} is damaged: a file has no name")
    found = contents.get(path, entry)
    return SavedFile(path, is_editable, *_content(found if isinstance(found, dict) else {}, path, origin))


def _content(found: dict[str, Any], path: str, origin: str) -> tuple[bytes | None, int | None]:
    try:
        mode = int(found["mode"], 8) & 0o777 if "mode" in found else None
        if isinstance(found.get("base64"), str):
            return base64.b64decode(found["base64"], validate=True), mode
        text = found.get("text", found.get("content"))
        return (text.encode("utf-8", "surrogateescape") if isinstance(text, str) else None), mode
    except (ValueError, TypeError):
        raise CommandProblem(f"{origin} is damaged: the content of {path!r} cannot be decoded") from None


def _list(value: dict[str, Any], key: str, origin: str) -> list[Any]:
    found = value.get(key) or []
    if not isinstance(found, list):
        raise CommandProblem(f"{origin} is damaged: {key} is not a list")
    return found


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
