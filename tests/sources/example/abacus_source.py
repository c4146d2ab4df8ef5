"""The talks of Abacus: ``~/.abacus/talks/<talk>.jsonl``, a message a line. Every snapshot imports this module."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ctxstore.sources.homes import label_of
from ctxstore.sources.protocol import Attributes, FoundContext, Message, ReportSkipped, Scanner, SourceHome
from ctxstore.sources.resumable import AgentProgram, ContextChange, IndexEntry, RestoreFile, StoredContext, new_uuid
from ctxstore.sources.walk import list_folder, look_at


class Abacus:
    """The source. Its contexts are ``abacus/talks/<talk>``."""

    name = "abacus"
    agent = "Abacus"

    def discover(self, environ: Mapping[str, str]) -> list[SourceHome]:
        path = environ.get("ABACUS_HOME") or (environ.get("HOME") and os.path.join(environ["HOME"], ".abacus"))
        if not path or not os.path.isdir(path):
            return []
        path = os.path.abspath(path)
        return [SourceHome(self.name, path, label_of(path, environ))]

    def contexts(self, root: SourceHome, report: ReportSkipped) -> Iterator[FoundContext]:
        entries = list_folder(os.path.join(root.path, "talks"), report)
        for entry in sorted(entries, key=lambda entry: entry.name):
            talk, end = os.path.splitext(entry.name)
            if end == ".jsonl" and talk.replace("-", "").isalnum():
                file = look_at(entry, f"talks/{entry.name}", report)
                if file is not None:
                    yield FoundContext(f"abacus/talks/{talk}", [file])

    def find_context(self, root: SourceHome, name: str, report: ReportSkipped) -> FoundContext | None:
        return next((context for context in self.contexts(root, report) if context.name == name), None)

    def transcript(self, context: str, keys: Iterable[str]) -> str | None:
        key = context.removeprefix("abacus/") + ".jsonl"
        return key if key in keys else None

    def scanner(self, context: str, key: str, before: Attributes | None = None) -> Scanner | None:
        if self.transcript(context, [key]) is None:
            return None
        from abacus_talk import scan

        return scan(before)

    def messages(self, lines: Iterable[bytes], offset: int = 0) -> Iterator[Message]:
        from abacus_talk import iter_messages

        return iter_messages(lines, offset)

    def is_memory(self, key: str) -> bool:
        return False

    # -- optional, `Expiring`: the agent deletes older talks

    def kept_days(self, root: SourceHome) -> int | None:
        return 90

    # -- optional, `Resumable`: the agent continues a restored talk

    program = AgentProgram(frozenset({"abacus"}), resume="abacus --talk {session}")

    def new_session(self, now: int, random: bytes) -> str:
        return new_uuid(now, random)

    def restore_layout(self, stored: StoredContext, change: ContextChange) -> Sequence[RestoreFile]:
        from abacus_resume import restore_layout

        return restore_layout(stored, change)

    def index_entries(self, stored: StoredContext, change: ContextChange, root: str) -> Sequence[IndexEntry]:
        return ()

    def context_of(self, stored: StoredContext, change: ContextChange) -> str:
        return f"abacus/talks/{change.session}" if change.session else stored.context
