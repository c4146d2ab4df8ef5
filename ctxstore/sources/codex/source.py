"""Codex CLI as a `Source`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from ctxstore.sources.codex.home import is_memory
from ctxstore.sources.codex.layout import CodexLayout
from ctxstore.sources.codex.rollouts import PACKED, rollout_of, transcript_of
from ctxstore.sources.homes import label_of
from ctxstore.sources.protocol import Attributes, FoundContext, Message, ReportSkipped, Scanner, SourceHome
from ctxstore.sources.resumable import AgentProgram, ContextChange, IndexEntry, RestoreFile, StoredContext


class Codex:
    """Contexts are ``codex/<day>/<thread>`` and ``codex/home``.

    The last ends in a dot and a hash for a home that is not ``~/.codex``, so that two do not take turns.
    """

    name = "codex"
    agent = "Codex"
    program = AgentProgram(
        frozenset({"codex"}),
        ("/@openai/codex/",),
        resume="codex resume {session}",
        servers=frozenset({"app-server", "mcp-server"}),
    )
    """An editor's window talks to a server that it starts in a folder of its own."""

    def discover(self, environ: Mapping[str, str]) -> list[SourceHome]:
        """The folder CODEX_HOME names, else ``~/.codex``, if it is there."""
        path = environ.get("CODEX_HOME", "")
        if not path and environ.get("HOME"):
            path = os.path.join(environ["HOME"], ".codex")
        if not path or not os.path.isdir(path):
            return []
        path = os.path.abspath(path)
        return [SourceHome(self.name, path, label_of(path, environ))]

    def contexts(self, root: SourceHome, report: ReportSkipped) -> Iterator[FoundContext]:
        """Sessions in the order of their days and ids, then the home."""
        return CodexLayout(root.path, root.label, report).contexts()

    def find_context(self, root: SourceHome, name: str, report: ReportSkipped) -> FoundContext | None:
        """One context; of the sessions only its own day is listed."""
        return CodexLayout(root.path, root.label, report).find(name)

    def scanner(self, context: str, key: str, before: Attributes | None = None) -> Scanner | None:
        """A scanner for the session's rollout, or for what was added to it since `before`."""
        rollout = rollout_of(key)
        if rollout is None or rollout.context != context:
            return None
        from ctxstore.sources.codex.scanner import PackedScanner, make_scanner

        return PackedScanner(before) if rollout.packed else make_scanner(before)

    def transcript(self, context: str, keys: Iterable[str]) -> str | None:
        """The session's rollout, if it is among `keys`."""
        return transcript_of(context, keys)

    def decoder(self, key: str) -> Callable[[Iterable[bytes]], Iterator[bytes]] | None:
        """What unpacks a packed rollout."""
        if not key.endswith(PACKED):
            return None
        from ctxstore.sources.codex.compressed import unpack

        return unpack

    def messages(self, lines: Iterable[bytes], offset: int = 0) -> Iterator[Message]:
        """The rollout's messages, from blocks broken anywhere."""
        from ctxstore.sources.codex.transcript import iter_messages

        return iter_messages(lines, offset)

    def is_memory(self, key: str) -> bool:
        """Codex's memories, and the user's AGENTS.md."""
        return is_memory(key)

    def new_session(self, now: int, random: bytes) -> str:
        """A UUID, version 7."""
        from ctxstore.sources.codex.resume import new_thread

        return new_thread(now, random)

    def restore_layout(self, stored: StoredContext, change: ContextChange) -> Sequence[RestoreFile]:
        """Under the id's own name, for another folder, up to a message."""
        from ctxstore.sources.codex.resume import restore_layout

        return restore_layout(stored, change)

    def index_entries(self, stored: StoredContext, change: ContextChange, root: str) -> Sequence[IndexEntry]:
        """The session's row in Codex's database, if it has one."""
        from ctxstore.sources.codex.session_index import index_entries

        return index_entries(stored, change, root)

    def context_of(self, stored: StoredContext, change: ContextChange) -> str:
        """``codex/<day>/<thread>``: the day of a new one is today."""
        from ctxstore.sources.codex.resume import context_of

        return context_of(stored, change)
