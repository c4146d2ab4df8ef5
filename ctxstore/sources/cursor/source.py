"""Cursor as a `Source`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ctxstore.errors import InvalidInput
from ctxstore.sources.context_names import suffix_of
from ctxstore.sources.cursor.layout import CHAT, COMPOSER, CursorLayout
from ctxstore.sources.homes import label_of
from ctxstore.sources.protocol import Attributes, FoundContext, Message, ReportSkipped, Scanner, SourceHome
from ctxstore.sources.resumable import AgentProgram, ContextChange, IndexEntry, RestoreFile, StoredContext
from ctxstore.sources.sqlite.listing import TRANSCRIPT

_EDITOR, _MACOS, _COMMAND = ".config/Cursor/User", "Library/Application Support/Cursor/User", ".cursor"
_SAID = re.compile(r"projects/[^/]+/agent-transcripts/([^/]+)(?:/\1)?\.jsonl")


class Cursor:
    """Contexts are ``cursor/composer/<conversation>``, ``cursor/chat/<conversation>`` and ``cursor/home``.

    The last ends in a dot and a hash for all folders but the editor's on Linux and macOS.
    """

    name = "cursor"
    agent = "Cursor"
    program = AgentProgram(frozenset({"cursor", "Cursor", "cursor-agent"}), ("/cursor-agent/",), everywhere=True)

    def discover(self, environ: Mapping[str, str]) -> list[SourceHome]:
        """``Cursor/User`` in XDG_CONFIG_HOME, else ``~/.config``; on macOS ``~/Library/Application Support``; and
        ``~/.cursor``."""
        home, config = environ.get("HOME", ""), environ.get("XDG_CONFIG_HOME", "")
        paths = [os.path.join(home, place) for place in (_EDITOR, _MACOS, _COMMAND)] if home else []
        if config:
            paths[:1] = [os.path.join(config, "Cursor/User")]
        paths = [os.path.normpath(path) for path in paths if os.path.isabs(path) and os.path.isdir(path)]
        return [SourceHome(self.name, path, label_of(path, environ)) for path in paths]

    def contexts(self, root: SourceHome, report: ReportSkipped) -> Iterator[FoundContext]:
        """The settings first, then conversation by conversation, in order."""
        return _layout(root, report).contexts()

    def find_context(self, root: SourceHome, name: str, report: ReportSkipped) -> FoundContext | None:
        """One context; only its own files are looked at."""
        return _layout(root, report).find(name)

    def scanner(self, context: str, key: str, before: Attributes | None = None) -> Scanner | None:
        """A scanner for the conversation's pairs, or its transcript."""
        if not _is_transcript(context, key):
            return None
        from ctxstore.sources.cursor.scanner import make_scanner

        return make_scanner(before)

    def transcript(self, context: str, keys: Iterable[str]) -> str | None:
        """``session.jsonl``, or ``agent-transcripts/<conversation>.jsonl`` of a project, if it is among `keys`."""
        return next((key for key in sorted(keys) if _is_transcript(context, key)), None)

    def messages(self, lines: Iterable[bytes], offset: int = 0) -> Iterator[Message]:
        """The conversation's messages; all other pairs are meta."""
        from ctxstore.sources.cursor.transcript import iter_messages

        return iter_messages(lines, offset)

    def is_memory(self, key: str) -> bool:
        """Rules are what the agent goes by in every session."""
        return key.startswith("rules/")

    def new_session(self, now: int, random: bytes) -> str:
        """There is none to be made."""
        raise InvalidInput("conversations of Cursor can only be brought back as they were")

    def restore_layout(self, stored: StoredContext, change: ContextChange) -> Sequence[RestoreFile]:
        """The files that are no pairs."""
        from ctxstore.sources.cursor.resume import restore_layout

        return restore_layout(stored, change)

    def index_entries(self, stored: StoredContext, change: ContextChange, root: str) -> Sequence[IndexEntry]:
        """The conversation's pairs, in the editor's database."""
        from ctxstore.sources.cursor.resume import index_entries

        return index_entries(stored, change)

    def context_of(self, stored: StoredContext, change: ContextChange) -> str:
        """The same."""
        return stored.context


def _is_transcript(context: str, key: str) -> bool:
    if context.startswith(COMPOSER):
        return key == TRANSCRIPT
    match = _SAID.fullmatch(key) if context.startswith(CHAT) else None
    return match is not None and match[1] == context.removeprefix(CHAT)


def _layout(root: SourceHome, report: ReportSkipped) -> CursorLayout:
    usual = root.label if root.label in (_EDITOR, _MACOS) else ""
    return CursorLayout(root.path, suffix_of(root.label, usual), report)
