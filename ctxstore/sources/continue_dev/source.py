"""Continue as a `Source`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ctxstore.sources.context_names import suffix_of
from ctxstore.sources.continue_dev.layout import ContinueLayout, session_key
from ctxstore.sources.homes import label_of
from ctxstore.sources.protocol import Attributes, FoundContext, Message, ReportSkipped, Scanner, SourceHome
from ctxstore.sources.resumable import AgentProgram, ContextChange, IndexEntry, RestoreFile, StoredContext, new_uuid


class Continue:
    """Contexts are ``continue/sessions/<session>`` and ``continue/home``, which ends in a dot and a hash for a folder
    that is not ``~/.continue``."""

    name = "continue"
    agent = "Continue"
    reads_whole = True
    program = AgentProgram(frozenset({"cn"}), ("/@continuedev/cli/", "bin/cn"))

    def discover(self, environ: Mapping[str, str]) -> list[SourceHome]:
        """The folder CONTINUE_GLOBAL_DIR names, else ``~/.continue``, if it is there."""
        path = environ.get("CONTINUE_GLOBAL_DIR", "")
        if not path and environ.get("HOME"):
            path = os.path.join(environ["HOME"], ".continue")
        if not path or not os.path.isdir(path):
            return []
        path = os.path.abspath(path)
        return [SourceHome(self.name, path, label_of(path, environ))]

    def contexts(self, root: SourceHome, report: ReportSkipped) -> Iterator[FoundContext]:
        """The home first, then session by session, in order."""
        return _layout(root, report).contexts()

    def find_context(self, root: SourceHome, name: str, report: ReportSkipped) -> FoundContext | None:
        """One context; only its own file is looked at."""
        return _layout(root, report).find(name)

    def scanner(self, context: str, key: str, before: Attributes | None = None) -> Scanner | None:
        """A scanner for the session. It is one document: what was added can't be told by itself."""
        if key != session_key(context):
            return None
        from ctxstore.sources.continue_dev.scanner import ContinueTally
        from ctxstore.sources.document.scanner import DocumentScanner

        return DocumentScanner(self.messages, ContinueTally(), before)

    def transcript(self, context: str, keys: Iterable[str]) -> str | None:
        """``sessions/<session>.json``, if it is among `keys`."""
        key = session_key(context)
        return key if key is not None and key in keys else None

    def messages(self, lines: Iterable[bytes], offset: int = 0) -> Iterator[Message]:
        """The session's messages, from blocks broken anywhere."""
        from ctxstore.sources.continue_dev.transcript import iter_messages

        return iter_messages(lines, offset)

    def is_memory(self, key: str) -> bool:
        """Rules are what the agent goes by in every session."""
        return key.startswith("rules/")

    def new_session(self, now: int, random: bytes) -> str:
        """A random UUID."""
        return new_uuid(now, random)

    def restore_layout(self, stored: StoredContext, change: ContextChange) -> Sequence[RestoreFile]:
        """The session's file, with the id and the folder it goes by."""
        from ctxstore.sources.continue_dev.resume import restore_layout

        return restore_layout(stored, change)

    def index_entries(self, stored: StoredContext, change: ContextChange, root: str) -> Sequence[IndexEntry]:
        """The entry in ``sessions/sessions.json``."""
        from ctxstore.sources.continue_dev.resume import index_entries

        return index_entries(stored, change, root)

    def context_of(self, stored: StoredContext, change: ContextChange) -> str:
        """The name after `change`."""
        from ctxstore.sources.continue_dev.resume import context_of

        return context_of(stored, change)


def _layout(root: SourceHome, report: ReportSkipped) -> ContinueLayout:
    return ContinueLayout(root.path, suffix_of(root.label, ".continue"), report)
