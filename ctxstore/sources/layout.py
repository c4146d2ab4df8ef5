"""The base of agents' layouts: what the sessions share first, then the sessions."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from typing import ClassVar, Generic, NamedTuple, TypeVar

from ctxstore.sources.protocol import FoundContext, FoundFile, ReportSkipped

E = TypeVar("E")

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


class KeyedEntry(NamedTuple):
    """An entry of a folder, and the key of its file."""

    key: str
    entry: os.DirEntry[str]


class GroupedLayout(AgentLayout, Generic[E]):
    """A layout that groups the entries of folders by session before it examines them."""

    def group_entries(self) -> Mapping[str, list[E]]:
        """Returns the entries of each session, by the name of its context."""
        raise NotImplementedError

    def list_files(self, entries: list[E]) -> list[FoundFile]:
        """Returns the files of a session, in the order of their keys."""
        raise NotImplementedError

    def sessions(self) -> Iterator[FoundContext]:
        """Yields the sessions that have files, in the order of their names."""
        groups = self.group_entries()
        for name in sorted(groups):
            if files := self.list_files(groups[name]):
                yield FoundContext(name, files)

    def find_session(self, name: str) -> FoundContext | None:
        """Returns the session called `name`; the entries of others are not examined."""
        files = self.list_files(self.group_entries().get(name, []))
        return FoundContext(name, files) if files else None
