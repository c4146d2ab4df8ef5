"""Claude Code as a `Source`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ctxstore.sources.claude_code.layout import ClaudeLayout, is_memory, transcript_key
from ctxstore.sources.homes import label_of
from ctxstore.sources.protocol import Attributes, FoundContext, Message, ReportSkipped, Scanner, SourceHome
from ctxstore.sources.resumable import AgentProgram, ContextChange, IndexEntry, RestoreFile, StoredContext, new_uuid


class ClaudeCode:
    """Contexts are ``claude-code/<project-dir>/<session>``, ``…/memory`` and ``claude-code/home``.

    The last two end in a dot and a hash for a home that is not ``~/.claude``, so that two do not take turns.
    """

    name = "claude-code"
    agent = "Claude Code"
    program = AgentProgram(frozenset({"claude"}), ("/@anthropic-ai/claude-code/",), resume="claude --resume {session}")

    def discover(self, environ: Mapping[str, str]) -> list[SourceHome]:
        """The folder CLAUDE_CONFIG_DIR names, else ``~/.claude``, if it is there."""
        path = environ.get("CLAUDE_CONFIG_DIR", "")
        if not path and environ.get("HOME"):
            path = os.path.join(environ["HOME"], ".claude")
        if not path or not os.path.isdir(path):
            return []
        path = os.path.abspath(path)
        return [SourceHome(self.name, path, label_of(path, environ))]

    def contexts(self, root: SourceHome, report: ReportSkipped) -> Iterator[FoundContext]:
        """The home first, then project by project, session by session, each in order."""
        return ClaudeLayout(root.path, root.label, report).contexts()

    def find_context(self, root: SourceHome, name: str, report: ReportSkipped) -> FoundContext | None:
        """One context; only its own project is listed, and only its own files are looked at."""
        return ClaudeLayout(root.path, root.label, report).find(name)

    def scanner(self, context: str, key: str, before: Attributes | None = None) -> Scanner | None:
        """A scanner for the session's transcript, or for what was added to it since `before`."""
        if key != transcript_key(context):
            return None
        from ctxstore.sources.claude_code.scanner import TranscriptScanner

        return TranscriptScanner(before)

    def transcript(self, context: str, keys: Iterable[str]) -> str | None:
        """``projects/<project-dir>/<session>.jsonl``, if it is among `keys`."""
        key = transcript_key(context)
        return key if key is not None and key in keys else None

    def messages(self, lines: Iterable[bytes], offset: int = 0) -> Iterator[Message]:
        """The transcript's messages, from blocks broken anywhere."""
        from ctxstore.sources.claude_code.transcript import iter_messages

        return iter_messages(lines, offset)

    def is_memory(self, key: str) -> bool:
        """Files below a project's ``memory/``, and the user's CLAUDE.md."""
        return is_memory(key)

    def kept_days(self, root: SourceHome) -> int:
        """Days after which it deletes a session, by its settings: 30 if they say nothing."""
        from ctxstore.sources.claude_code.expiry import kept_days

        return kept_days(root.path)

    def new_session(self, now: int, random: bytes) -> str:
        """A random UUID."""
        return new_uuid(now, random)

    def restore_layout(self, stored: StoredContext, change: ContextChange) -> Sequence[RestoreFile]:
        """The files where Claude Code looks for them, with the ids and folders it goes by."""
        from ctxstore.sources.claude_code.resume import restore_layout

        return restore_layout(stored, change)

    def index_entries(self, stored: StoredContext, change: ContextChange, root: str) -> Sequence[IndexEntry]:
        """None: it finds a session by its transcript's name."""
        return ()

    def context_of(self, stored: StoredContext, change: ContextChange) -> str:
        """The name after `change`."""
        from ctxstore.sources.claude_code.resume import context_of

        return context_of(stored, change)
