"""Gemini CLI as a `Source`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping

from ctxstore.sources.directory import label_of
from ctxstore.sources.gemini.layout import Layout, is_memory, transcript_key
from ctxstore.sources.protocol import Attributes, FoundContext, Message, Report, Root, Scanner


class Gemini:
    """Contexts are ``gemini/<project-dir>/<session>``, ``…/project`` and ``gemini/home``.

    The last two end in a dot and a hash for a home that is not ``~/.gemini``, so that two do not take turns.
    """

    name = "gemini"
    agent = "Gemini CLI"

    def discover(self, environ: Mapping[str, str]) -> list[Root]:
        """The folder ``.gemini`` in GEMINI_CLI_HOME, else in HOME, if it is there."""
        home = environ.get("GEMINI_CLI_HOME") or environ.get("HOME", "")
        path = os.path.abspath(os.path.join(home, ".gemini")) if home else ""
        return [Root(self.name, path, label_of(path, environ))] if path and os.path.isdir(path) else []

    def contexts(self, root: Root, report: Report) -> Iterator[FoundContext]:
        """The home first, then project by project, session by session, each in order."""
        return Layout(root.path, root.label, report).contexts()

    def find_context(self, root: Root, name: str, report: Report) -> FoundContext | None:
        """One context; only its own project is listed, and only its own files are looked at."""
        return Layout(root.path, root.label, report).find(name)

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
