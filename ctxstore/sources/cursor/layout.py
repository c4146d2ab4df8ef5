"""Where Cursor keeps what belongs to a conversation: the editor in one database, the command line in a file each."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

from ctxstore.sources.protocol import FoundContext, FoundFile, ReportSkipped
from ctxstore.sources.sqlite.listing import TRANSCRIPT, is_nameable, listed, whole_file
from ctxstore.sources.walk import by_key, list_folder, take, take_named

if TYPE_CHECKING:
    import sqlite3

    from ctxstore.sources.cursor.database import CursorConversation

_PREFIX = "cursor/"
HOME = _PREFIX + "home"
COMPOSER = _PREFIX + "composer/"
CHAT = _PREFIX + "chat/"
FILE = "globalStorage/state.vscdb"
STORE = "store.db"

_FILES = frozenset({"settings.json", "keybindings.json"})
_FOLDERS = frozenset({"agents", "commands", "rules", "skills", "snippets"})
_CHAT = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_-]{0,127}")


class CursorLayout:
    """One look at the editor's folder ``User``, or at ``.cursor``: each has what the other has not."""

    def __init__(self, path: str, suffix: str, report: ReportSkipped) -> None:
        self._path = path
        self._suffix = suffix
        self._report = report

    def contexts(self) -> Iterator[FoundContext]:
        """The settings, then conversations of the command line, then those of the editor, each in order."""
        home = self._home()
        if home:
            yield FoundContext(HOME + self._suffix, home)
        chats = self._chats("")
        for id in sorted(chats):
            yield FoundContext(CHAT + id, sorted(chats[id], key=by_key))
        yield from sorted(self._composers(""), key=lambda context: context.name)

    def find(self, name: str) -> FoundContext | None:
        """The context called `name`."""
        files: list[FoundFile] = []
        if name == HOME + self._suffix:
            files = self._home()
        elif name.startswith(CHAT):
            files = self._chats(name.removeprefix(CHAT)).get(name.removeprefix(CHAT), [])
        elif name.startswith(COMPOSER):
            return next(self._composers(name.removeprefix(COMPOSER)), None)
        return FoundContext(name, sorted(files, key=by_key)) if files else None

    def _home(self) -> list[FoundFile]:
        """Settings, rules, commands: what is named, and nothing else."""
        return take_named(self._path, (_FILES | _FOLDERS).__contains__, self._report)

    def _composers(self, only: str) -> Iterator[FoundContext]:
        path = os.path.join(self._path, FILE)
        workspaces = cache(lambda: _workspaces(self._path))  # looked up once, when the first is read
        for found in listed(path, self._report, _look):
            if only in ("", found.id) and is_nameable(found.id, path, self._report):
                content = _content(path, found.id, workspaces)
                yield FoundContext(COMPOSER + found.id, [FoundFile(TRANSCRIPT, path, found.stat, content=content)])

    def _chats(self, only: str) -> dict[str, list[FoundFile]]:
        """What the command line keeps of each conversation: its store, and what was said as text."""
        chats: dict[str, list[FoundFile]] = {}
        for folder in self._below("chats"):
            for chat in self._below(f"chats/{folder}"):
                if _CHAT.fullmatch(chat) and only in ("", chat):
                    files = self._chat(f"chats/{folder}/{chat}")
                    if files:
                        chats.setdefault(chat, []).extend(files)
        for project in self._below("projects"):
            key = f"projects/{project}/agent-transcripts"
            for entry in list_folder(os.path.join(self._path, key), self._report):
                chat = entry.name.partition(".")[0]
                if _CHAT.fullmatch(chat) and only in ("", chat):
                    self._add(chats.setdefault(chat, []), entry, f"{key}/{entry.name}")
        return {chat: files for chat, files in chats.items() if files}

    def _chat(self, key: str) -> list[FoundFile]:
        files: list[FoundFile] = []
        for entry in list_folder(os.path.join(self._path, key), self._report):
            if entry.name.startswith(STORE):
                continue  # its log and index are in the copy
            self._add(files, entry, f"{key}/{entry.name}")
        if os.path.lexists(os.path.join(self._path, key, STORE)):
            files += self._store(f"{key}/{STORE}")
        return files

    def _store(self, key: str) -> list[FoundFile]:
        from ctxstore.errors import SourceError
        from ctxstore.sources.protocol import Skipped
        from ctxstore.sources.sqlite.read_safely import find_place

        path = os.path.join(self._path, key)
        try:
            find_place(path)
        except SourceError as error:
            self._report(Skipped(path, error.message))
            return []
        return whole_file(self._path, key, self._report, state=True)

    def _add(self, files: list[FoundFile], entry: os.DirEntry[str], key: str) -> None:
        files += take(entry, key, self._report)

    def _below(self, key: str) -> list[str]:
        """The folders in a folder."""
        entries = list_folder(os.path.join(self._path, key), self._report)
        return sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))


def _look(connection: sqlite3.Connection) -> Iterator[CursorConversation]:
    from ctxstore.sources.cursor.database import list_conversations

    return list_conversations(connection)


def _workspaces(root: str) -> dict[str, dict[str, Any]]:
    from ctxstore.sources.cursor.workspaces import find_workspaces

    return find_workspaces(root)


def _content(path: str, id: str, workspaces: Callable[[], dict[str, Any]]) -> Callable[[], Iterator[bytes]]:
    def content() -> Iterator[bytes]:
        from ctxstore.sources.cursor.database import export
        from ctxstore.sources.sqlite.contents import rows_of

        workspace = workspaces().get(id)
        return rows_of(path, lambda connection: export(connection, id, workspace))()

    return content
