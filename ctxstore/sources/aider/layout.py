"""aider's files in a project."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator

from ctxstore.sources.context_names import path_part
from ctxstore.sources.layout import AgentLayout
from ctxstore.sources.protocol import FoundContext, FoundFile
from ctxstore.sources.walk import by_key, list_folder, look_at, walk

HISTORY = ".aider.chat.history.md"
_FILES = {HISTORY: True, ".aider.input.history": True, ".aider.llm.history": False}
"""The histories, and whether each is state."""
_FOLDERS = (".aider/sessions", ".extn_aider/temp/context_backup", ".extn_aider/temp/context_create")
"""The folders in which extensions of aider save chats."""


class AiderLayout(AgentLayout):
    """Lists a project."""

    def sessions(self) -> Iterator[FoundContext]:
        """Yields the one context of the project."""
        if files := self._files():
            yield FoundContext(f"aider/{path_part(self.path)}/chat", files)

    def _files(self) -> list[FoundFile]:
        entries = [entry for entry in list_folder(self.path, self.report) if entry.name in _FILES]
        found = (look_at(entry, entry.name, self.report, state=_FILES[entry.name]) for entry in entries)
        files = [file for file in found if file is not None]
        for folder in _FOLDERS:
            path = os.path.join(self.path, folder)
            if not os.path.islink(path):
                files += walk(path, folder + "/", self.report)
        return sorted((file for file in files if not stat.S_ISDIR(file.stat.st_mode)), key=by_key)


make_layout = AiderLayout


def transcript_key(context: str, keys: Iterable[str]) -> str | None:
    """Returns ``.aider.chat.history.md``."""
    return HISTORY if HISTORY in keys else None


def is_memory(key: str) -> bool:
    """Returns false: aider has no memories, only histories."""
    return False
