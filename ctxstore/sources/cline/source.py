"""Cline as a `Source`, and what Roo Code has in common with it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ctxstore.sources.cline.installations import PROGRAMS, SCRIPTS, editor_folders, group_of
from ctxstore.sources.cline.layout import TaskLayout, TaskShape, transcript_of
from ctxstore.sources.homes import label_of
from ctxstore.sources.protocol import Attributes, FoundContext, Message, ReportSkipped, Scanner, SourceHome
from ctxstore.sources.resumable import AgentProgram, ContextChange, IndexEntry, RestoreFile, StoredContext

_SHAPE = TaskShape(
    source="cline",
    files=("state/taskHistory.json", "globalState.json"),
    folders=("settings", "rules", "skills", "hooks", "workflows", "agents", "Rules", "Hooks", "Workflows", "Agents"),
    secrets=frozenset({"providers.json"}),
)


class Tasks:
    """A source of tasks. Contexts are ``<source>/<installation>/<task>`` and ``<source>/<installation>/home``."""

    name: str
    agent: str
    shape: TaskShape
    reads_whole = True
    program = AgentProgram(PROGRAMS, SCRIPTS, everywhere=True)
    """Every window keeps the list of tasks in memory, and writes it whole."""

    def folders(self, environ: Mapping[str, str]) -> Iterator[str]:
        """Where the agent's files may be."""
        raise NotImplementedError

    def discover(self, environ: Mapping[str, str]) -> list[SourceHome]:
        """Each editor that has the extension's folder, and the agent's own folders."""
        paths = {os.path.abspath(path): None for path in self.folders(environ) if os.path.isdir(path)}
        return [SourceHome(self.name, path, label_of(path, environ)) for path in paths]

    def contexts(self, root: SourceHome, report: ReportSkipped) -> Iterator[FoundContext]:
        """The home first, then task by task, in order."""
        return self._layout(root, report).contexts()

    def find_context(self, root: SourceHome, name: str, report: ReportSkipped) -> FoundContext | None:
        """One context; only its own files are looked at."""
        return self._layout(root, report).find(name)

    def _layout(self, root: SourceHome, report: ReportSkipped) -> TaskLayout:
        return TaskLayout(self.shape, root.path, group_of(root.label), report)

    def scanner(self, context: str, key: str, before: Attributes | None = None) -> Scanner | None:
        """A scanner for the task's messages. They are one document: what was added can't be told by itself."""
        if transcript_of(context, {key}) is None:
            return None
        from ctxstore.sources.cline.scanner import TaskSummary
        from ctxstore.sources.document.scanner import DocumentScanner

        return DocumentScanner(self.messages, TaskSummary(self.agent), before)

    def transcript(self, context: str, keys: Iterable[str]) -> str | None:
        """``<session>.messages.json``, else ``api_conversation_history.json``, else ``ui_messages.json``."""
        return transcript_of(context, set(keys))

    def messages(self, lines: Iterable[bytes], offset: int = 0) -> Iterator[Message]:
        """The messages of a document, from blocks broken anywhere."""
        from ctxstore.sources.cline.transcript import iter_messages

        return iter_messages(lines, offset)

    def is_memory(self, key: str) -> bool:
        """Rules are what the agent goes by in every task."""
        return key.split("/", 1)[0].lower().startswith("rules")

    def restore_layout(self, stored: StoredContext, change: ContextChange) -> Sequence[RestoreFile]:
        """The files where the agent looks for them."""
        from ctxstore.sources.cline.resume import restore_layout

        return restore_layout(stored, change)

    def context_of(self, stored: StoredContext, change: ContextChange) -> str:
        """The name after `change`."""
        from ctxstore.sources.cline.resume import context_of

        return context_of(stored, change)


class Cline(Tasks):
    """Cline, in any editor or by itself."""

    name = "cline"
    agent = "Cline"
    shape = _SHAPE

    def folders(self, environ: Mapping[str, str]) -> Iterator[str]:
        """The editors' folders, the data folder (CLINE_DATA_DIR, CLINE_DIR), and those of rules."""
        yield from editor_folders("saoudrizwan.claude-dev", environ)
        home = environ.get("HOME", "")
        own = environ.get("CLINE_DIR", "") or (os.path.join(home, ".cline") if home else "")
        data = environ.get("CLINE_DATA_DIR", "") or (os.path.join(own, "data") if own else "")
        if data:
            yield data
        if any(os.path.isdir(os.path.join(own, folder)) for folder in _SHAPE.folders[1:6] if own):
            yield own
        if home:
            yield os.path.join(home, "Documents", "Cline")

    def new_session(self, now: int, random: bytes) -> str:
        """The time in milliseconds."""
        return str(now // 10**6)

    def index_entries(self, stored: StoredContext, change: ContextChange, root: str) -> Sequence[IndexEntry]:
        """The entry in ``state/taskHistory.json``."""
        from ctxstore.sources.cline.task_list import list_cline

        return list_cline(stored, change, root)
