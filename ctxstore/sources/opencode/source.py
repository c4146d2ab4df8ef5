"""OpenCode as a `Source`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ctxstore.sources.context_names import suffix_of
from ctxstore.sources.homes import label_of
from ctxstore.sources.opencode.layout import OpenCodeLayout, is_session
from ctxstore.sources.protocol import Attributes, FoundContext, Message, ReportSkipped, Scanner, SourceHome
from ctxstore.sources.resumable import AgentProgram, ContextChange, IndexEntry, RestoreFile, StoredContext
from ctxstore.sources.sqlite.listing import TRANSCRIPT

_PLACES = (("XDG_DATA_HOME", ".local/share"), ("XDG_CONFIG_HOME", ".config"))


class OpenCode:
    """Contexts are ``opencode/<folder worked in>/<session>``, ``opencode/database`` and ``opencode/home``.

    The last two end in a dot and a hash for folders that are not the usual ones.
    """

    name = "opencode"
    agent = "OpenCode"
    program = AgentProgram(
        frozenset({"opencode"}), ("/opencode-ai/",), everywhere=True, resume="opencode --session {session}"
    )

    def discover(self, environ: Mapping[str, str]) -> list[SourceHome]:
        """``opencode`` in XDG_DATA_HOME, else ``~/.local/share``: sessions; in XDG_CONFIG_HOME, else ``~/.config``:
        settings. On every system."""
        roots = []
        for variable, usual in _PLACES:
            parent = environ.get(variable, "") or (environ.get("HOME", "") and os.path.join(environ["HOME"], usual))
            path = os.path.join(parent, "opencode")
            if os.path.isabs(path) and os.path.isdir(path):
                path = os.path.normpath(path)
                roots.append(SourceHome(self.name, path, label_of(path, environ)))
        return roots

    def contexts(self, root: SourceHome, report: ReportSkipped) -> Iterator[FoundContext]:
        """The database and the settings first, then session by session, in order."""
        return _layout(root, report).contexts()

    def find_context(self, root: SourceHome, name: str, report: ReportSkipped) -> FoundContext | None:
        """One context; only its own files are looked at."""
        return _layout(root, report).find(name)

    def scanner(self, context: str, key: str, before: Attributes | None = None) -> Scanner | None:
        """A scanner for the session's rows."""
        if key != TRANSCRIPT or not is_session(context):
            return None
        from ctxstore.sources.opencode.scanner import make_scanner

        return make_scanner(before)

    def transcript(self, context: str, keys: Iterable[str]) -> str | None:
        """``session.jsonl``, if it is among `keys`."""
        return TRANSCRIPT if is_session(context) and TRANSCRIPT in keys else None

    def messages(self, lines: Iterable[bytes], offset: int = 0) -> Iterator[Message]:
        """The session's messages, each with its parts; rows of other tables are meta."""
        from ctxstore.sources.opencode.transcript import iter_messages

        return iter_messages(lines, offset)

    def is_memory(self, key: str) -> bool:
        """Instructions for every session."""
        return key == "AGENTS.md"

    def new_session(self, now: int, random: bytes) -> str:
        """An id that sorts before those of earlier sessions."""
        from ctxstore.sources.opencode.ids import new_session

        return new_session(now, random)

    def restore_layout(self, stored: StoredContext, change: ContextChange) -> Sequence[RestoreFile]:
        """The files beside the database, where OpenCode looks for them."""
        from ctxstore.sources.opencode.resume import restore_layout

        return restore_layout(stored, change)

    def index_entries(self, stored: StoredContext, change: ContextChange, root: str) -> Sequence[IndexEntry]:
        """The session's rows, in its database."""
        from ctxstore.sources.opencode.resume import index_entries

        return index_entries(stored, change, root)

    def context_of(self, stored: StoredContext, change: ContextChange) -> str:
        """The session's name, by its id and the folder it works in."""
        from ctxstore.sources.opencode.resume import context_of

        return context_of(stored, change)


def _layout(root: SourceHome, report: ReportSkipped) -> OpenCodeLayout:
    usual = next((f"{place}/opencode" for _, place in _PLACES if root.label == f"{place}/opencode"), "")
    return OpenCodeLayout(root.path, suffix_of(root.label, usual), report)
