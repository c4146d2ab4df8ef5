"""Goose as a `Source`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ctxstore.sources.directory import label_of
from ctxstore.sources.goose.layout import GooseLayout, is_session, older_key
from ctxstore.sources.home_suffix import suffix_of
from ctxstore.sources.protocol import Attributes, FoundContext, Message, ReportSkipped, Scanner, SourceHome
from ctxstore.sources.resumable import AgentProgram, ContextChange, IndexEntry, RestoreFile, StoredContext
from ctxstore.sources.sqlite.listing import TRANSCRIPT

_USUAL = (
    ("XDG_DATA_HOME", ".local/share/goose"),
    ("", "Library/Application Support/Block.goose"),
    ("XDG_CONFIG_HOME", ".config/goose"),
)


class Goose:
    """Contexts are ``goose/<folder worked in>/<session>``, ``goose/database`` and ``goose/home``.

    The last two end in a dot and a hash for folders that are not the usual ones.
    """

    name = "goose"
    agent = "Goose"
    program = AgentProgram(
        frozenset({"goose", "goosed", "Goose"}),
        everywhere=True,
        resume="goose session --resume --session-id {session}",
    )

    def discover(self, environ: Mapping[str, str]) -> list[SourceHome]:
        """``data`` and ``config`` in GOOSE_PATH_ROOT; else ``goose`` in XDG_DATA_HOME and XDG_CONFIG_HOME, else in
        ``~/.local/share`` and ``~/.config``; on macOS also ``~/Library/Application Support/Block.goose``."""
        own, home = environ.get("GOOSE_PATH_ROOT", ""), environ.get("HOME", "")
        paths = [os.path.join(own, "data"), os.path.join(own, "config")] if own else []
        for variable, usual in () if own else _USUAL:
            if environ.get(variable, "") and variable:
                paths.append(os.path.join(environ[variable], "goose"))
            elif home:
                paths.append(os.path.join(home, usual))
        paths = [os.path.normpath(path) for path in paths if os.path.isabs(path) and os.path.isdir(path)]
        return [SourceHome(self.name, path, label_of(path, environ)) for path in paths]

    def contexts(self, root: SourceHome, report: ReportSkipped) -> Iterator[FoundContext]:
        """The database and the settings first, then session by session, in order."""
        return _layout(root, report).contexts()

    def find_context(self, root: SourceHome, name: str, report: ReportSkipped) -> FoundContext | None:
        """One context; only its own files are looked at."""
        return _layout(root, report).find(name)

    def scanner(self, context: str, key: str, before: Attributes | None = None) -> Scanner | None:
        """A scanner for the session's rows, or for its file."""
        if not is_session(context) or key not in (TRANSCRIPT, older_key(context)):
            return None
        from ctxstore.sources.goose.scanner import scanner

        return scanner(before)

    def transcript(self, context: str, keys: Iterable[str]) -> str | None:
        """``session.jsonl``, or the file of an older session, if it is among `keys`."""
        if not is_session(context):
            return None
        there = set(keys)
        return next((key for key in (TRANSCRIPT, older_key(context)) if key in there), None)

    def messages(self, lines: Iterable[bytes], offset: int = 0) -> Iterator[Message]:
        """The session's messages; rows of other tables are meta."""
        from ctxstore.sources.goose.transcript import iter_messages

        return iter_messages(lines, offset)

    def is_memory(self, key: str) -> bool:
        """What Goose was told to remember, and hints for every session."""
        return key.startswith("memory/") or key == ".goosehints"

    def new_session(self, now: int, random: bytes) -> str:
        """An id as Goose makes them, with a number it does not get to by itself."""
        from ctxstore.sources.goose.resume import new_session

        return new_session(now, random)

    def restore_layout(self, stored: StoredContext, change: ContextChange) -> Sequence[RestoreFile]:
        """The files that are no rows, where Goose looks for them."""
        from ctxstore.sources.goose.resume import restore_layout

        return restore_layout(stored, change)

    def index_entries(self, stored: StoredContext, change: ContextChange, root: str) -> Sequence[IndexEntry]:
        """The session's rows, in its database."""
        from ctxstore.sources.goose.resume import index_entries

        return index_entries(stored, change, root)

    def context_of(self, stored: StoredContext, change: ContextChange) -> str:
        """The session's name, by its id and the folder it works in."""
        from ctxstore.sources.goose.resume import context_of

        return context_of(stored, change)


def _layout(root: SourceHome, report: ReportSkipped) -> GooseLayout:
    usual = root.label if root.label in (_USUAL[0][1], _USUAL[2][1]) else ""
    return GooseLayout(root.path, suffix_of(root.label, usual), report)
