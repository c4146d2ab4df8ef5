"""The base of agents' layouts: what the sessions share first, then the sessions."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import ClassVar, Generic, NamedTuple, TypeVar

from ctxstore.sources.protocol import FoundContext, FoundFile, ReportSkipped
from ctxstore.sources.unclaimed import ClaimedKeys, ReportOnce, why_left_out
from ctxstore.sources.walk import by_key

E = TypeVar("E")

ListFiles = Callable[[], list[FoundFile]]


class AgentLayout:
    """Lists an agent's home once, so that no folder is read twice.

    - `suffix`: the end of context names that another home of the agent would use too.
    - `kept`: the folders of sessions and memories, below the home. All files in them are saved.
    - `rest`: the last context, which contains the files in `kept` that belong to no other context.

    A file for which `left_out` returns a reason is reported instead.
    """

    shared_first: ClassVar[bool] = True
    kept: ClassVar[Sequence[str]] = ()
    rest: ClassVar[str] = ""

    def __init__(self, path: str, suffix: str, report: ReportSkipped) -> None:
        self.path = path
        self.suffix = suffix
        self.report = ReportOnce(report)

    def shared(self) -> Mapping[str, ListFiles]:
        """Maps the names of contexts that are not sessions to functions that list their files.

        The names have no suffix. The result is empty, unless a layout overrides this method.
        """
        return {}

    def sessions(self) -> Iterator[FoundContext]:
        """Yields the contexts of sessions, in order."""
        raise NotImplementedError

    def left_out(self, key: str) -> str:
        """Returns the reason why a file in the `kept` folders is not saved, or an empty string if it is saved.

        The file belongs to no context. A layout that overrides this method also calls the base.
        """
        return why_left_out(key)

    def find_session(self, name: str) -> FoundContext | None:
        """Returns the context of the session called `name`, or None if there is none.

        A layout that can find a session without listing others overrides this method.
        """
        return next((context for context in self.sessions() if context.name == name), None)

    def contexts(self) -> Iterator[FoundContext]:
        """Yields all contexts that have files."""
        if not self.kept:
            yield from self._others()
            return
        claimed = ClaimedKeys()
        for context in self._others():
            yield claimed.add(context)
        if rest := self._find_rest(claimed):
            yield rest

    def find(self, name: str) -> FoundContext | None:
        """Returns the context called `name`, or None if there is none."""
        own = name.removesuffix(self.suffix) if self.suffix else name
        if own + self.suffix == name and own == self.rest:
            claimed = ClaimedKeys()
            for context in self._others():
                claimed.add(context)
            return self._find_rest(claimed)
        if own + self.suffix == name and own in self.shared():
            return self._find_shared(own)
        return self.find_session(name)

    def _others(self) -> Iterator[FoundContext]:
        """Yields all contexts but `rest`."""
        shared = filter(None, map(self._find_shared, (name for name in self.shared() if name != self.rest)))
        if self.shared_first:
            yield from shared
        yield from self.sessions()
        if not self.shared_first:
            yield from shared

    def _find_shared(self, name: str) -> FoundContext | None:
        files = self.shared()[name]()
        return FoundContext(name + self.suffix, files) if files else None

    def _find_rest(self, claimed: ClaimedKeys) -> FoundContext | None:
        """Returns the context `rest`: its own files, and those in the `kept` folders that no context has."""
        list_own = self.shared().get(self.rest)
        own = FoundContext(self.rest + self.suffix, list_own() if list_own else [])
        claimed.add(own)
        others = claimed.list_others(self.path, self.kept, self.left_out, self.report)
        files = sorted([*own.files, *others], key=by_key) if others else own.files
        return own._replace(files=files) if files else None


class KeyedEntry(NamedTuple):
    """An entry of a folder, with the key of its file."""

    key: str
    entry: os.DirEntry[str]


class GroupedLayout(AgentLayout, Generic[E]):
    """A layout that groups the entries of folders by session before it examines them."""

    def group_entries(self) -> Mapping[str, list[E]]:
        """Maps the name of each session's context to the session's entries."""
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
        """Returns the session called `name`, or None if there is none. Entries of other sessions are not examined."""
        files = self.list_files(self.group_entries().get(name, []))
        return FoundContext(name, files) if files else None
