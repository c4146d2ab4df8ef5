"""The base of agents' layouts: what the sessions share first, then the sessions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import ClassVar

from ctxstore.sources.protocol import FoundContext, FoundFile, ReportSkipped

ListFiles = Callable[[], list[FoundFile]]


class AgentLayout:
    """One listing of an agent's home: no folder is read twice.

    `suffix` ends the names of contexts that another home of the agent would have too.
    """

    shared_first: ClassVar[bool] = True

    def __init__(self, path: str, suffix: str, report: ReportSkipped) -> None:
        self.path = path
        self.suffix = suffix
        self.report = report

    def shared(self) -> Mapping[str, ListFiles]:
        """Returns the contexts that are no sessions, by name without the suffix. None, unless overridden."""
        return {}

    def sessions(self) -> Iterator[FoundContext]:
        """Yields the contexts of sessions, in order."""
        raise NotImplementedError

    def find_session(self, name: str) -> FoundContext | None:
        """Returns the context of the session called `name`. A layout that can find it without listing others overrides
        this."""
        return next((context for context in self.sessions() if context.name == name), None)

    def contexts(self) -> Iterator[FoundContext]:
        """Yields all contexts that have files."""
        if not self.shared_first:
            yield from self.sessions()
        yield from filter(None, map(self._find_shared, self.shared()))
        if self.shared_first:
            yield from self.sessions()

    def find(self, name: str) -> FoundContext | None:
        """Returns the context called `name`."""
        own = name.removesuffix(self.suffix) if self.suffix else name
        if own + self.suffix == name and own in self.shared():
            return self._find_shared(own)
        return self.find_session(name)

    def _find_shared(self, name: str) -> FoundContext | None:
        files = self.shared()[name]()
        return FoundContext(name + self.suffix, files) if files else None
