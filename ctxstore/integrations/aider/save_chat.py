"""Commits a chat of aider: its messages as records, its files by path, the rest as memories."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from ctxstore.errors import AlreadyExists, Conflict
from ctxstore.sources.aider import saved_chat

if TYPE_CHECKING:
    from ctxstore import Draft, Repo
    from ctxstore.ids import ObjectId

BLOCK = 1 << 20
TITLE = 100
TRIES = 8


class SavedChat(NamedTuple):
    """A saved chat. `unreadable` contains (path, reason) of files whose content could not be saved."""

    commit: ObjectId
    files: int
    unreadable: list[tuple[str, str]]


def save_chat(repo: Repo, ref: str, chat: dict[str, Any], *, is_new: bool) -> SavedChat:
    """Commits a chat to a context. If other processes write meanwhile, starts again from the newest commit.

    Raises `AlreadyExists` if `is_new` and the context exists, `Conflict` if others never pause, and `StorageError`.
    """
    for _ in range(TRIES - 1):
        try:
            return _save_once(repo, ref, chat, is_new=is_new)
        except AlreadyExists:
            raise
        except Conflict:
            continue
    return _save_once(repo, ref, chat, is_new=is_new)


def _save_once(repo: Repo, ref: str, chat: dict[str, Any], *, is_new: bool) -> SavedChat:
    draft = repo.edit(ref)
    if is_new and draft.parent is not None:
        name = ref.rpartition("/")[2]
        raise AlreadyExists(f"a backup called {name!r} already exists", hint="choose another name")
    _set_messages(draft, chat["messages"])
    _set_memories(draft, chat)
    unreadable = _set_files(repo, draft, chat["files"])
    stored = draft.commit(title=_title(chat["messages"]), agent="aider", model=chat["model"]["name"])
    return SavedChat(stored.id, stored.commit.summary.files, unreadable)


def _set_messages(draft: Draft, messages: list[Any]) -> None:
    """Appends the new messages if the draft already contains all earlier ones. Otherwise replaces all messages."""
    before = len(draft.messages)
    if before > len(messages) or any(draft.messages[i] != messages[i] for i in range(before)):
        draft.messages.clear()
        before = 0
    draft.messages.extend(messages[before:])


def _set_memories(draft: Draft, chat: dict[str, Any]) -> None:
    files = [{"path": file["path"], "access": file["access"]} for file in chat["files"]]
    memories = {
        saved_chat.MODEL: chat["model"],
        saved_chat.EDIT_FORMAT: chat["edit_format"],
        saved_chat.DONE: chat["done"],
        saved_chat.FILES: files,
        saved_chat.GIT: chat["git"],
        saved_chat.PROJECT: chat["project"],
    }
    draft.memories.update(memories)


def _set_files(repo: Repo, draft: Draft, files: list[dict[str, str]]) -> list[tuple[str, str]]:
    """Adds the files, and removes those that left the chat. Returns unreadable files with the reason."""
    unreadable = []
    kept = set()
    for file in files:
        key = saved_chat.file_key(file["path"])
        try:
            status = os.stat(file["absolute"])
            if not stat.S_ISREG(status.st_mode):  # opening a FIFO would block
                raise OSError(0, "not a regular file")
            with open(file["absolute"], "rb"):
                pass
        except OSError as error:
            unreadable.append((file["path"], error.strerror or str(error)))
            continue
        draft.files.put(key, _Content(file["absolute"]), mode=stat.S_IMODE(status.st_mode), mtime_ns=status.st_mtime_ns)
        kept.add(key)
    if draft.parent is not None:
        for path in repo.view(draft.parent.id.hex()).files:
            if path not in kept:
                draft.files.remove(path)
    return unreadable


class _Content:
    """The blocks of a file. Each iteration reads it from the start."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __iter__(self) -> Iterator[bytes]:
        with open(self._path, "rb") as file:
            while block := file.read(BLOCK):
                yield block


def _title(messages: list[Any]) -> str:
    """Returns the start of the user's first message."""
    for message in messages:
        if isinstance(message, dict) and message.get("role") == "user" and isinstance(message.get("content"), str):
            return " ".join(message["content"][: 10 * TITLE].split())[:TITLE]
    return ""
