"""aider as a `Source`."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping

from ctxstore.sources.context_names import path_part
from ctxstore.sources.homes import nearest_project
from ctxstore.sources.protocol import Attributes, FoundContext, FoundFile, Message, ReportSkipped, Scanner, SourceHome
from ctxstore.sources.walk import by_key, list_folder, look_at, walk

HISTORY = ".aider.chat.history.md"
FILES = {HISTORY: True, ".aider.input.history": True, ".aider.llm.history": False}
"""The files of a project, and whether each is state."""
FOLDERS = (".aider/sessions", ".extn_aider/temp/context_backup", ".extn_aider/temp/context_create")
"""Where extensions of aider save chats."""


class Aider:
    """A root is a project, with one context: ``aider/<project>/chat``."""

    name = "aider"
    agent = "aider"
    reads_whole = True
    """Messages are named and dated by where their session begins, which a part of the history does not say."""

    def discover(self, environ: Mapping[str, str]) -> list[SourceHome]:
        """The project that PWD is in, if aider was used there."""
        return nearest_project(self, environ)

    def is_project(self, path: str) -> bool:
        """Whether one of aider's histories, or a saved chat, is in the folder."""
        return any(os.path.lexists(os.path.join(path, name)) for name in (*FILES, *FOLDERS))

    def contexts(self, root: SourceHome, report: ReportSkipped) -> Iterator[FoundContext]:
        """The one context of the project."""
        files = _files(root.path, report)
        if files:
            yield FoundContext(_name(root), files)

    def find_context(self, root: SourceHome, name: str, report: ReportSkipped) -> FoundContext | None:
        """The project's context, if `name` is its name."""
        return next(self.contexts(root, report), None) if name == _name(root) else None

    def scanner(self, context: str, key: str, before: Attributes | None = None) -> Scanner | None:
        """A scanner for the chat history, or for what was added to it since `before`."""
        if key != HISTORY:
            return None
        from ctxstore.sources.aider.scanner import HistoryScanner

        return HistoryScanner(before)

    def transcript(self, context: str, keys: Iterable[str]) -> str | None:
        """``.aider.chat.history.md``, if it is among `keys`."""
        return HISTORY if HISTORY in keys else None

    def messages(self, lines: Iterable[bytes], offset: int = 0) -> Iterator[Message]:
        """What was said, from blocks broken anywhere."""
        from ctxstore.sources.aider.transcript import iter_messages

        return iter_messages(lines, offset)

    def is_memory(self, key: str) -> bool:
        """Never: aider remembers nothing beyond its histories."""
        return False


def _name(root: SourceHome) -> str:
    return f"aider/{path_part(root.path)}/chat"


def _files(path: str, report: ReportSkipped) -> list[FoundFile]:
    found = [(entry, entry.name, FILES[entry.name]) for entry in list_folder(path, report) if entry.name in FILES]
    files = [file for entry, key, state in found if (file := look_at(entry, key, report, state=state)) is not None]
    for folder in FOLDERS:
        inside = os.path.join(path, folder)
        if not os.path.islink(inside):
            files += walk(inside, folder + "/", report)
    return sorted((file for file in files if not stat.S_ISDIR(file.stat.st_mode)), key=by_key)
