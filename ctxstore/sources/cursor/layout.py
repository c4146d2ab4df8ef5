"""Cursor's homes: the editor keeps conversations in one database, the command line keeps each in a file."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from ctxstore.sources.layout import AgentLayout, ListFiles
from ctxstore.sources.protocol import FoundContext, FoundFile
from ctxstore.sources.sqlite.listing import TRANSCRIPT, find_database, is_nameable, listed, whole_file
from ctxstore.sources.unclaimed import is_part_of
from ctxstore.sources.walk import by_key, is_folder, list_folder, take, take_named

if TYPE_CHECKING:
    import sqlite3

    from ctxstore.sources.cursor.database import CursorConversation

_PREFIX = "cursor/"
HOME = _PREFIX + "home"
COMPOSER = _PREFIX + "composer/"
CHAT = _PREFIX + "chat/"
FILE = "globalStorage/state.vscdb"
STORE = "store.db"

_SETTINGS = frozenset({"settings.json", "keybindings.json", "agents", "commands", "rules", "skills", "snippets"})
_TRANSCRIPT = re.compile(r"projects/[^/]+/agent-transcripts/([^/]+)(?:/\1)?\.jsonl")
_CHAT = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_-]{0,127}")


class CursorLayout(AgentLayout):
    """Lists the editor's folder ``User``, or ``.cursor``."""

    def shared(self) -> Mapping[str, ListFiles]:
        """Returns the user's settings: what is named, and nothing else."""
        return {HOME: self._home_files}

    def _home_files(self) -> list[FoundFile]:
        """Returns the settings, and the files beside conversations that are none."""
        files = take_named(self.path, _SETTINGS.__contains__, self.report)
        for key, entry in self._beside_chats():
            files += take(entry, key, self.report)
        return sorted(files, key=by_key)

    def _beside_chats(self) -> Iterator[tuple[str, os.DirEntry[str]]]:
        for folder in list_folder(os.path.join(self.path, "chats"), self.report):
            if not is_folder(folder):
                yield f"chats/{folder.name}", folder
                continue
            for entry in list_folder(folder.path, self.report):
                if not is_folder(entry) or not _CHAT.fullmatch(entry.name):
                    yield f"chats/{folder.name}/{entry.name}", entry
        for project in self._below("projects"):
            key = f"projects/{project}/agent-transcripts"
            for entry in list_folder(os.path.join(self.path, key), self.report):
                if not _CHAT.fullmatch(entry.name.partition(".")[0]):
                    yield f"{key}/{entry.name}", entry

    def sessions(self) -> Iterator[FoundContext]:
        """Yields the conversations of the command line, then those of the editor, each in order."""
        chats = self._chats("")
        for id in sorted(chats):
            yield FoundContext(CHAT + id, sorted(chats[id], key=by_key))
        yield from sorted(self._composers(""), key=lambda context: context.name)

    def find_session(self, name: str) -> FoundContext | None:
        """Returns the conversation called `name`."""
        id = name.rpartition("/")[2]
        if name == CHAT + id:
            files = self._chats(id).get(id, [])
            return FoundContext(name, sorted(files, key=by_key)) if files else None
        return next(self._composers(id), None) if name == COMPOSER + id else None

    def _composers(self, only: str) -> Iterator[FoundContext]:
        path = os.path.join(self.path, FILE)
        workspaces = cache(lambda: _workspaces(self.path))  # looked up once, when the first is read
        for found in listed(path, self.report, _list):
            if only in ("", found.id) and is_nameable(found.id, path, self.report):
                content = _content(path, found.id, workspaces)
                yield FoundContext(COMPOSER + found.id, [FoundFile(TRANSCRIPT, path, found.stat, content=content)])

    def _chats(self, only: str) -> dict[str, list[FoundFile]]:
        """Returns the files of each conversation of the command line: its store, and its transcripts."""
        chats: dict[str, list[FoundFile]] = {}
        for folder in self._below("chats"):
            for chat in self._below(f"chats/{folder}"):
                if _CHAT.fullmatch(chat) and only in ("", chat):
                    files = self._chat(f"chats/{folder}/{chat}")
                    if files:
                        chats.setdefault(chat, []).extend(files)
        for project in self._below("projects"):
            key = f"projects/{project}/agent-transcripts"
            for entry in list_folder(os.path.join(self.path, key), self.report):
                chat = entry.name.partition(".")[0]
                if _CHAT.fullmatch(chat) and only in ("", chat):
                    chats.setdefault(chat, []).extend(take(entry, f"{key}/{entry.name}", self.report))
        return {chat: files for chat, files in chats.items() if files}

    def _chat(self, key: str) -> list[FoundFile]:
        files: list[FoundFile] = []
        for entry in list_folder(os.path.join(self.path, key), self.report):
            if entry.name == STORE or is_part_of(entry.name, STORE):
                continue  # its log and index are in the copy
            files += take(entry, f"{key}/{entry.name}", self.report)
        if os.path.lexists(os.path.join(self.path, key, STORE)):
            files += self._store(f"{key}/{STORE}")
        return files

    def _store(self, key: str) -> list[FoundFile]:
        path = os.path.join(self.path, key)
        return whole_file(self.path, key, self.report, state=True) if find_database(path, self.report) else []

    def _below(self, key: str) -> list[str]:
        """Returns the folders in a folder."""
        entries = list_folder(os.path.join(self.path, key), self.report)
        return sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))


make_layout = CursorLayout


def transcript_key(context: str, keys: Iterable[str]) -> str | None:
    """Returns ``session.jsonl``, or ``agent-transcripts/<conversation>.jsonl`` of a project."""
    return next((key for key in sorted(keys) if _is_transcript(context, key)), None)


def is_memory(key: str) -> bool:
    """Whether the file is a rule, which the agent goes by in every session."""
    return key.startswith("rules/")


def _is_transcript(context: str, key: str) -> bool:
    if context.startswith(COMPOSER):
        return key == TRANSCRIPT
    match = _TRANSCRIPT.fullmatch(key) if context.startswith(CHAT) else None
    return match is not None and match[1] == context.removeprefix(CHAT)


def _list(connection: sqlite3.Connection) -> Iterator[CursorConversation]:
    from ctxstore.sources.cursor.database import list_conversations

    return list_conversations(connection)


def _workspaces(home: str) -> dict[str, dict[str, Any]]:
    from ctxstore.sources.cursor.workspaces import find_workspaces

    return find_workspaces(home)


def _content(path: str, id: str, workspaces: Callable[[], dict[str, Any]]) -> Callable[[], Iterator[bytes]]:
    def content() -> Iterator[bytes]:
        from ctxstore.sources.cursor.database import export
        from ctxstore.sources.sqlite.contents import rows_of

        workspace = workspaces().get(id)
        return rows_of(path, lambda connection: export(connection, id, workspace))()

    return content
