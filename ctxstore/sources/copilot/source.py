"""GitHub Copilot CLI as a `Source`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ctxstore.sources.copilot.home import is_memory
from ctxstore.sources.copilot.layout import CopilotLayout, transcript_of
from ctxstore.sources.homes import label_of
from ctxstore.sources.protocol import Attributes, FoundContext, Message, ReportSkipped, Scanner, SourceHome
from ctxstore.sources.resumable import AgentProgram, ContextChange, IndexEntry, RestoreFile, StoredContext, new_uuid


class Copilot:
    """Contexts are ``copilot/sessions/<id>`` and ``copilot/home``.

    The last ends in a dot and a hash for a home that is not ``~/.copilot``, so that two do not take turns.
    """

    name = "copilot"
    agent = "GitHub Copilot CLI"
    program = AgentProgram(frozenset({"copilot"}), ("/@github/copilot/",), resume="copilot --resume={session}")

    def discover(self, environ: Mapping[str, str]) -> list[SourceHome]:
        """The folder COPILOT_HOME names, else ``~/.copilot``; and where old versions kept it by XDG's variables."""
        own = environ.get("COPILOT_HOME", "")
        if not own and environ.get("HOME"):
            own = os.path.join(environ["HOME"], ".copilot")
        older = (environ.get(name, "") for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME"))
        paths = [own, *(os.path.join(folder, ".copilot") for folder in older if folder)]
        found = dict.fromkeys(os.path.abspath(path) for path in paths if path and os.path.isdir(path))
        return [SourceHome(self.name, path, label_of(path, environ)) for path in found]

    def contexts(self, root: SourceHome, report: ReportSkipped) -> Iterator[FoundContext]:
        """The home first, then sessions in the order of their ids."""
        return CopilotLayout(root.path, root.label, report).contexts()

    def find_context(self, root: SourceHome, name: str, report: ReportSkipped) -> FoundContext | None:
        """One context; only its own files are looked at."""
        return CopilotLayout(root.path, root.label, report).find(name)

    def scanner(self, context: str, key: str, before: Attributes | None = None) -> Scanner | None:
        """A scanner for the session's events, or for what was added to them since `before`."""
        if transcript_of(context, [key]) is None:
            return None
        from ctxstore.sources.copilot.scanner import make_scanner

        return make_scanner(before)

    def transcript(self, context: str, keys: Iterable[str]) -> str | None:
        """The session's ``events.jsonl``, if it is among `keys`; else an old version's file."""
        return transcript_of(context, keys)

    def messages(self, lines: Iterable[bytes], offset: int = 0) -> Iterator[Message]:
        """The messages among the session's events, from blocks broken anywhere."""
        from ctxstore.sources.copilot.transcript import iter_messages

        return iter_messages(lines, offset)

    def is_memory(self, key: str) -> bool:
        """The user's instructions."""
        return is_memory(key)

    def new_session(self, now: int, random: bytes) -> str:
        """A random UUID."""
        return new_uuid(random)

    def restore_layout(self, stored: StoredContext, change: ContextChange) -> Sequence[RestoreFile]:
        """In the id's own folder, for another project, up to a message."""
        from ctxstore.sources.copilot.resume import restore_layout

        return restore_layout(stored, change)

    def index_entries(self, stored: StoredContext, change: ContextChange, root: str) -> Sequence[IndexEntry]:
        """None: Copilot looks through the folder of sessions."""
        return ()

    def context_of(self, stored: StoredContext, change: ContextChange) -> str:
        """``copilot/sessions/<id>``."""
        from ctxstore.sources.copilot.resume import context_of

        return context_of(stored, change)
