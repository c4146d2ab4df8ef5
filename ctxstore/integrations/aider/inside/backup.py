"""A saved chat, as it is read: from a commit, or from a file as extn_aider or a fork of aider writes it."""

from __future__ import annotations

import base64
import json
import os
import stat
from typing import Any, NamedTuple

from .problem import CommandProblem, reason

LARGEST = 1 << 28
"""Bytes of a file that is read as a backup."""

LISTS = "`/context_load` lists what there is"


class SavedFile(NamedTuple):
    """A file that was in the chat. `content` is None where the backup has the name only."""

    path: str
    is_editable: bool
    content: bytes | None = None
    mode: int | None = None


class Backup(NamedTuple):
    """A chat. `origin` says where it comes from; `is_own`: from the store, so its paths are those of this user."""

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
    """The chat in a file. Raises `CommandProblem`."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # opening a FIFO would wait for who writes to it
            raise CommandProblem(f"{path} is no file", LISTS)
        with open(path, "rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise CommandProblem(f"{path} can't be read: {reason(error)}", LISTS) from None
    if len(data) > LARGEST:
        raise CommandProblem(f"{path} is too large for a backup: it has more than {LARGEST:,} bytes")
    try:
        value = json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise CommandProblem(f"{path} is not UTF-8: {error.reason} at byte {error.start}") from None
    except (ValueError, RecursionError) as error:
        raise CommandProblem(f"{path} is no JSON: {error}") from None
    return parse_backup(value, path, is_own=False)


def parse_backup(value: Any, origin: str, *, is_own: bool) -> Backup:
    """The chat in a JSON value of any of the shapes that are known. Raises `CommandProblem`."""
    if not isinstance(value, dict) or not ("messages" in value or "chat_history" in value):
        raise CommandProblem(f"{origin} is no backup of a chat: it has no messages")
    done, current = _messages(value, origin)
    told = value.get("model_info")
    info = told if isinstance(told, dict) else {}
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
    """Those of finished turns, and those of the current one; where nothing tells them apart, all are the former."""
    history = value.get("chat_history")
    if isinstance(history, dict):
        done, current = _list(history, "done_messages", origin), _list(history, "cur_messages", origin)
    else:
        both = _list(value, "messages", origin)
        end = value.get("done", len(both))
        if type(end) is not int or not 0 <= end <= len(both):
            raise CommandProblem(f"{origin} is damaged: {end!r} of its {len(both)} messages are said to be done")
        done, current = both[:end], both[end:]
    for number, message in enumerate([*done, *current], 1):
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise CommandProblem(f"{origin} is damaged: its message {number} has no role")
        if not isinstance(message.get("content"), (str, list, type(None))):
            raise CommandProblem(f"{origin} is damaged: its message {number} has no content")
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
    """A name, with its content beside it or under ``contents``."""
    told = each if isinstance(each, dict) else {"name": each}
    path = told.get("name") or told.get("path")
    if not isinstance(path, str) or not path or "\0" in path:
        raise CommandProblem(f"{origin} is damaged: a file in it has no name")
    found = contents.get(path, told)
    return SavedFile(path, is_editable, *_content(found if isinstance(found, dict) else {}, path, origin))


def _content(found: dict[str, Any], path: str, origin: str) -> tuple[bytes | None, int | None]:
    try:
        mode = int(found["mode"], 8) & 0o777 if "mode" in found else None
        if isinstance(found.get("base64"), str):
            return base64.b64decode(found["base64"], validate=True), mode
        text = found.get("text", found.get("content"))
        return (text.encode("utf-8", "surrogateescape") if isinstance(text, str) else None), mode
    except (ValueError, TypeError):
        raise CommandProblem(f"{origin} is damaged: the content of {path!r} can't be decoded") from None


def _list(value: dict[str, Any], key: str, origin: str) -> list[Any]:
    found = value.get(key) or []
    if not isinstance(found, list):
        raise CommandProblem(f"{origin} is damaged: its {key} are no list")
    return found


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
