"""aider's files in a project, or a single history elsewhere."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator

from ctxstore.sources.aider.settings import CHAT, INPUT, LLM, by_settings
from ctxstore.sources.context_names import hash_of, path_part
from ctxstore.sources.layout import AgentLayout
from ctxstore.sources.protocol import FoundContext, FoundFile, Skipped
from ctxstore.sources.walk import by_key, find_file, list_folder, look_at, read_head, walk

HISTORY = ".aider.chat.history.md"
_FILES = {HISTORY: True, ".aider.input.history": True, ".aider.llm.history": False}
"""The histories, and whether each is state."""
_FOLDERS = (".aider/sessions", ".extn_aider/temp/context_backup", ".extn_aider/temp/context_create")
"""The folders in which extensions of aider save chats."""

_HEADS = {
    CHAT: re.compile(rb"\s*# aider chat started at \d{4}-"),
    INPUT: re.compile(rb"\s*# \d{4}-\d\d-\d\d [^\n]*\n\+"),
    LLM: re.compile(rb"\s*(TO LLM|LLM RESPONSE) \d{4}-"),
}
_PEEK = 200
_UNKNOWN = "not a history of aider's, by its first lines"


class AiderLayout(AgentLayout):
    """Lists a project, or a history."""

    def sessions(self) -> Iterator[FoundContext]:
        """Yields the project's context, and one of each history that its settings name."""
        if not os.path.isdir(self.path):
            yield from self._history()
            return
        prefix = f"aider/{path_part(self.path)}"
        if files := self._files():
            yield FoundContext(f"{prefix}/{CHAT}", files)
        taken = {file.key for file in files}
        for history in by_settings(self.path):
            key = os.path.relpath(history.path, self.path)
            if key in taken or not os.path.lexists(history.path):
                continue
            if key.startswith("../"):
                reason = f"outside the project: its own home, aider:{history.path}"
                self.report(Skipped(history.path, reason, failed=False))
            else:
                yield from self._one(self.path, key, prefix, "." + hash_of(os.fsencode(key)))

    def _history(self) -> Iterator[FoundContext]:
        """Yields the context of a home that is a single history."""
        folder, name = os.path.split(self.path)
        yield from self._one(folder, name, f"aider/{path_part(self.path)}", "")

    def _one(self, folder: str, key: str, prefix: str, ending: str) -> Iterator[FoundContext]:
        """Yields the context of one history.

        Settings may come with a project of another person, and name any file. Only a history is saved.
        """
        kind = kind_of(os.path.join(folder, key))
        file = find_file(folder, key, self.report)
        if file and kind:
            yield FoundContext(f"{prefix}/{kind}{ending}", [file._replace(state=kind != LLM)])
        elif file and file.stat.st_size:
            self.report(Skipped(file.path, _UNKNOWN, failed=False))

    def _files(self) -> list[FoundFile]:
        entries = [entry for entry in list_folder(self.path, self.report) if entry.name in _FILES]
        found = (look_at(entry, entry.name, self.report, state=_FILES[entry.name]) for entry in entries)
        files = [file for file in found if file is not None]
        for folder in _FOLDERS:
            path = os.path.join(self.path, folder)
            if os.path.islink(path) or not os.path.isdir(path):
                file = find_file(self.path, folder, self.report)
                files += [file] if file else []
            else:
                files += walk(path, folder + "/", self.report)
        return sorted((file for file in files if not stat.S_ISDIR(file.stat.st_mode)), key=by_key)


make_layout = AiderLayout


def kind_of(path: str) -> str:
    """Returns the kind of a history by its first bytes, or an empty string if the file is no history."""
    try:
        head = read_head(path, _PEEK)
    except OSError:
        return ""
    return next((kind for kind, pattern in _HEADS.items() if pattern.match(head)), "")


def transcript_key(context: str, keys: Iterable[str]) -> str | None:
    """Returns ``.aider.chat.history.md``, or the key of the only file if it is a chat history of another name.
    Otherwise returns None."""
    known = list(keys)
    if HISTORY in known:
        return HISTORY
    kind = context.rpartition("/")[2]
    is_other = len(known) == 1 and known[0] not in _FILES and not known[0].startswith(_FOLDERS)
    return known[0] if is_other and (kind == CHAT or kind.startswith(CHAT + ".")) else None


def is_memory(key: str) -> bool:
    """Returns false: aider has no memories, only histories."""
    return False
