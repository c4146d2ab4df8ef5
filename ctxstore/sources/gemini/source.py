"""Gemini CLI as a `Source`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ctxstore.sources.gemini.layout import GeminiLayout, is_memory, transcript_key
from ctxstore.sources.homes import label_of
from ctxstore.sources.protocol import Attributes, FoundContext, Message, ReportSkipped, Scanner, SourceHome
from ctxstore.sources.resumable import AgentProgram, ContextChange, IndexEntry, RestoreFile, StoredContext, new_uuid

_SCRIPTS = ("/@google/gemini-cli/", "/bin/gemini", "/.bin/gemini")


class Gemini:
    """Contexts are ``gemini/<project-dir>/<session>``, ``…/project`` and ``gemini/home``.

    The last two end in a dot and a hash for a home that is not ``~/.gemini``, so that two do not take turns.
    """

    name = "gemini"
    agent = "Gemini CLI"
    program = AgentProgram(frozenset({"gemini"}), _SCRIPTS, resume="gemini --resume {session}")

    def discover(self, environ: Mapping[str, str]) -> list[SourceHome]:
        """The folder ``.gemini`` in GEMINI_CLI_HOME, else in HOME, if it is there."""
        home = environ.get("GEMINI_CLI_HOME") or environ.get("HOME", "")
        path = os.path.abspath(os.path.join(home, ".gemini")) if home else ""
        return [SourceHome(self.name, path, label_of(path, environ))] if path and os.path.isdir(path) else []

    def contexts(self, root: SourceHome, report: ReportSkipped) -> Iterator[FoundContext]:
        """The home first, then project by project, session by session, each in order."""
        return GeminiLayout(root.path, root.label, report).contexts()

    def find_context(self, root: SourceHome, name: str, report: ReportSkipped) -> FoundContext | None:
        """One context; only its own project is listed, and only its own files are looked at."""
        return GeminiLayout(root.path, root.label, report).find(name)

    def scanner(self, context: str, key: str, before: Attributes | None = None) -> Scanner | None:
        """A scanner for the session's file, or for what was added to it since `before`."""
        if key != transcript_key(context, (key,)):
            return None
        from ctxstore.sources.gemini.scanner import make_scanner

        return make_scanner(before)

    def transcript(self, context: str, keys: Iterable[str]) -> str | None:
        """``tmp/<project-dir>/chats/session-….jsonl``, or ``.json``, if it is among `keys`."""
        return transcript_key(context, keys)

    def messages(self, lines: Iterable[bytes], offset: int = 0) -> Iterator[Message]:
        """The session's messages, from blocks broken anywhere."""
        from ctxstore.sources.gemini.transcript import iter_messages

        return iter_messages(lines, offset)

    def is_memory(self, key: str) -> bool:
        """The user's and the project's instructions, and what the agent remembers."""
        return is_memory(key)

    def kept_days(self, root: SourceHome) -> int | None:
        """By the user's own settings; a project may have others."""
        from ctxstore.sources.gemini.retention import kept_days

        return kept_days(root.path)

    def new_session(self, now: int, random: bytes) -> str:
        """A random UUID."""
        return new_uuid(now, random)

    def session_of(self, stored: StoredContext) -> str:
        """The id in the session's first record."""
        from ctxstore.sources.gemini import resume

        return resume.session_of(stored)

    def restore_layout(self, stored: StoredContext, change: ContextChange) -> Sequence[RestoreFile]:
        """A session's files under another id, for another folder, or up to a message."""
        from ctxstore.sources.gemini import resume

        return resume.restore_layout(stored, change)

    def index_entries(self, stored: StoredContext, change: ContextChange, root: str) -> Sequence[IndexEntry]:
        """The project's entry in ``projects.json``."""
        from ctxstore.sources.gemini import resume

        return resume.index_entries(stored, change, root)

    def context_of(self, stored: StoredContext, change: ContextChange) -> str:
        """The session's name after `change`."""
        from ctxstore.sources.gemini import resume

        return resume.context_of(stored, change)
