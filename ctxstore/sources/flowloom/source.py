"""FlowLoom as a `Source`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping

from ctxstore.sources.flowloom.layout import FlowLoomLayout, transcript_key
from ctxstore.sources.homes import nearest_project
from ctxstore.sources.protocol import Attributes, FoundContext, Message, ReportSkipped, Scanner, SourceHome


class FlowLoom:
    """A root is a project. Contexts are ``flowloom/<project>/<session>`` and ``flowloom/<project>/index``."""

    name = "flowloom"
    agent = "FlowLoom"

    def discover(self, environ: Mapping[str, str]) -> list[SourceHome]:
        """The project that PWD is in, if FlowLoom was used there."""
        return nearest_project(self, environ)

    def is_project(self, path: str) -> bool:
        """Whether there is a folder of sessions."""
        return os.path.isdir(os.path.join(path, ".flowloom", "sessions"))

    def contexts(self, root: SourceHome, report: ReportSkipped) -> Iterator[FoundContext]:
        """The sessions, and what they share, in the order of their names."""
        return FlowLoomLayout(root.path, report).contexts()

    def find_context(self, root: SourceHome, name: str, report: ReportSkipped) -> FoundContext | None:
        """One context; only its own files are looked at."""
        return FlowLoomLayout(root.path, report).find(name)

    def scanner(self, context: str, key: str, before: Attributes | None = None) -> Scanner | None:
        """A scanner for the session's ``metadata.json``."""
        if key != transcript_key(context, (key,)):
            return None
        from ctxstore.sources.flowloom.metadata import MetadataScanner

        return MetadataScanner(is_whole=before is None)

    def transcript(self, context: str, keys: Iterable[str]) -> str | None:
        """``metadata.json``: it says what the session is. Nothing says what was said in it."""
        return transcript_key(context, keys)

    def messages(self, lines: Iterable[bytes], offset: int = 0) -> Iterator[Message]:
        """The whole file as a message of nobody's."""
        from ctxstore.sources.flowloom.metadata import iter_messages

        return iter_messages(lines, offset)

    def is_memory(self, key: str) -> bool:
        """Never: these are states."""
        return False
