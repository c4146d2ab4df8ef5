"""The base of every agent's source: an agent is described by values, and read by modules with agreed names.

An agent's package has these modules. Each is imported when it is needed, because a snapshot in which nothing changed
must not pay for parsers.

- ``layout`` finds files (`LayoutModule`).
- ``transcript`` turns a transcript's bytes into messages, and computes a session's attributes (`TranscriptModule`).
- ``resume`` plans a checkout that the agent can continue from (`ResumeModule`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import ClassVar, NamedTuple, Protocol, cast

from ctxstore.sources.context_names import suffix_of
from ctxstore.sources.editors import extension_folders
from ctxstore.sources.homes import label_of, nearest_project
from ctxstore.sources.protocol import Attributes, FoundContext, Message, ReportSkipped, Scanner, SourceHome
from ctxstore.sources.resumable import AgentProgram, ContextChange, IndexEntry, RestoreFile, StoredContext
from ctxstore.sources.walk import report_outside


class HomeFolder(NamedTuple):
    """A folder in which an agent may keep its files.

    - `usual`: the folder below HOME.
    - `moved`: paths that begin with an environment variable, such as ``XDG_DATA_HOME/goose``. The first one whose
      variable is set replaces `usual`.
    - `is_named`: the names of contexts do not repeat this folder. The names from other folders end in a hash of the
      folder.
    - `is_absolute`: a relative path is ignored.
    - `contents`: the folder counts only if it contains one of these folders.
    """

    usual: str = ""
    moved: Sequence[str] = ()
    is_named: bool = True
    is_absolute: bool = False
    contents: Sequence[str] = ()

    def find(self, environ: Mapping[str, str]) -> str:
        """Returns the folder that the variables name, or an empty string if it does not exist."""
        path = self._path(environ)
        if not path or (self.is_absolute and not os.path.isabs(path)) or not os.path.isdir(path):
            return ""
        is_used = not self.contents or any(os.path.isdir(os.path.join(path, name)) for name in self.contents)
        return os.path.abspath(path) if is_used else ""

    def is_moved(self, environ: Mapping[str, str]) -> bool:
        """Whether an environment variable names the folder."""
        return any(environ.get(variable) for variable in self.variables)

    @property
    def variables(self) -> list[str]:
        """The environment variables that name the folder, the first one first."""
        return [place.partition("/")[0] for place in self.moved]

    def _path(self, environ: Mapping[str, str]) -> str:
        for place in self.moved:
            variable, _, below = place.partition("/")
            if environ.get(variable):
                return os.path.join(environ[variable], below)
        return os.path.join(environ["HOME"], self.usual) if self.usual and environ.get("HOME") else ""


class AgentDescription(NamedTuple):
    """The values that describe an agent.

    - `name`: the first part of the names of its contexts.
    - `title`: the name its users know.
    - `family`: the form of its transcripts: jsonl, document, sqlite, text or none.
    - `source`: the class of its source, as ``module:Class``.
    - `homes`: the folders in which it keeps its files.
    - `instead`: folders that replace all `homes` if one of their variables is set.
    - `extension`: the name of the editor's extension, if the agent is one.
    - `projects`: paths below a project. If set, the agent keeps its files in projects, and each has one of these paths.
    - `program`: the features of its running processes.
    - `subagents`: a regular expression that matches the keys of subagents' transcripts.
    - `reads_whole`: a part of a transcript cannot be read alone.
    - `has_hooks`: `ctx install` supports the agent.
    """

    name: str
    title: str
    family: str
    source: str
    homes: Sequence[HomeFolder] = ()
    instead: Sequence[HomeFolder] = ()
    extension: str = ""
    projects: Sequence[str] = ()
    program: AgentProgram = AgentProgram(frozenset())
    subagents: str = ""
    reads_whole: bool = False
    has_hooks: bool = False

    @property
    def package(self) -> str:
        """The package that has the agent's modules."""
        return self.source.partition(":")[0]

    def find_homes(self, environ: Mapping[str, str]) -> list[SourceHome]:
        """Returns the homes of the agent that exist."""
        paths = list(extension_folders(self.extension, environ)) if self.extension else []
        is_moved = any(folder.is_moved(environ) for folder in self.instead)
        paths += [folder.find(environ) for folder in (self.instead if is_moved else self.homes)]
        return [SourceHome(self.name, path, label_of(path, environ)) for path in dict.fromkeys(paths) if path]

    def suffix_of(self, home: SourceHome) -> str:
        """Returns the end of a context's name that keeps two homes of the agent from using the same name."""
        usual = {folder.usual for folder in self.homes if folder.is_named}
        return suffix_of(home.label, home.label if home.label in usual else "")


class Layout(Protocol):
    """Lists one home of an agent."""

    def contexts(self) -> Iterator[FoundContext]:
        """Yields all contexts, each with its files in the order of their keys."""

    def find(self, name: str) -> FoundContext | None:
        """Returns the context called `name`."""


class LayoutModule(Protocol):
    """The module ``layout`` of an agent."""

    def make_layout(self, path: str, suffix: str, report: ReportSkipped) -> Layout:
        """Returns the layout of the home at `path`; `suffix` ends the names of contexts that several homes have."""

    def transcript_key(self, context: str, keys: Iterable[str]) -> str | None:
        """Implements `Source.transcript`."""

    def is_memory(self, key: str) -> bool:
        """Implements `Source.is_memory`."""


class TranscriptModule(Protocol):
    """The module ``transcript`` of an agent."""

    def iter_messages(self, blocks: Iterable[bytes], offset: int = 0) -> Iterator[Message]:
        """Implements `Source.messages`."""

    def make_scanner(self, before: Attributes | None = None) -> Scanner:
        """Returns a scanner of a transcript, or of what was added to it since `before`."""


class ResumeModule(Protocol):
    """The module ``resume`` of an agent: see `Resumable`."""

    def new_session(self, now: int, random: bytes) -> str: ...
    def restore_layout(self, stored: StoredContext, change: ContextChange) -> Sequence[RestoreFile]: ...
    def index_entries(self, stored: StoredContext, change: ContextChange, home: str) -> Sequence[IndexEntry]: ...
    def context_of(self, stored: StoredContext, change: ContextChange) -> str: ...


class AgentSource:
    """A `Source` made of an agent's description and the modules of its package."""

    description: ClassVar[AgentDescription]
    package: ClassVar[str]
    name: str
    agent: str
    reads_whole: bool

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "description" in vars(cls):
            known = cls.description
            cls.name, cls.agent, cls.reads_whole = known.name, known.title, known.reads_whole
            cls.package = known.package

    def discover(self, environ: Mapping[str, str]) -> list[SourceHome]:
        """Returns the homes of the description that exist."""
        return self.description.find_homes(environ)

    def contexts(self, home: SourceHome, report: ReportSkipped) -> Iterator[FoundContext]:
        """Yields all contexts of `home`."""
        return self.list_home(home, report).contexts()

    def find_context(self, home: SourceHome, name: str, report: ReportSkipped) -> FoundContext | None:
        """Returns one context by name."""
        return self.list_home(home, report).find(name)

    def scanner(self, context: str, key: str, before: Attributes | None = None) -> Scanner | None:
        """Returns a scanner for the file that can be the context's transcript."""
        return self.make_scanner(key, before) if self.transcript(context, (key,)) is not None else None

    def transcript(self, context: str, keys: Iterable[str]) -> str | None:
        """Returns the key that holds the context's messages."""
        return self._layout.transcript_key(context, keys)

    def subagents(self, context: str, keys: Iterable[str]) -> list[str]:
        """Returns those of `keys` that hold a subagent's messages, in order."""
        if not self.description.subagents:
            return []
        found = sorted(filter(re.compile(self.description.subagents, re.DOTALL).fullmatch, keys))
        return [key for key in found if self.transcript(context, (key,)) != key]

    def messages(self, lines: Iterable[bytes], offset: int = 0) -> Iterator[Message]:
        """Yields the messages in a transcript's bytes, from blocks broken anywhere."""
        return self._transcript.iter_messages(lines, offset)

    def is_memory(self, key: str) -> bool:
        """Whether the file is one of the agent's memories."""
        return self._layout.is_memory(key)

    def list_home(self, home: SourceHome, report: ReportSkipped) -> Layout:
        """Returns the layout of one home."""
        outside = report_outside(home.path, report)
        return self._layout.make_layout(home.path, self.description.suffix_of(home), outside)

    def make_scanner(self, key: str, before: Attributes | None) -> Scanner:
        """Returns a scanner of the transcript `key`."""
        return self._transcript.make_scanner(before)

    @property
    def _layout(self) -> LayoutModule:
        return cast(LayoutModule, self._load("layout"))

    @property
    def _transcript(self) -> TranscriptModule:
        return cast(TranscriptModule, self._load("transcript"))

    def _load(self, module: str) -> object:
        return import_module(f"{self.package}.{module}")


class ProjectAgent(AgentSource):
    """An `AgentSource` whose agent keeps its files in the projects it works in: its homes are projects."""

    def discover(self, environ: Mapping[str, str]) -> list[SourceHome]:
        """Returns the project that PWD is in, if the agent was used there."""
        return nearest_project(self, environ)

    def is_project(self, path: str) -> bool:
        """Whether the folder has one of the description's paths."""
        return any(os.path.lexists(os.path.join(path, name)) for name in self.description.projects)


class ResumableAgent(AgentSource):
    """An `AgentSource` whose agent can continue from a context that a checkout restored: a `Resumable`."""

    program: AgentProgram

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "description" in vars(cls):
            cls.program = cls.description.program

    def new_session(self, now: int, random: bytes) -> str:
        """Returns an id as the agent makes them."""
        return self._resume.new_session(now, random)

    def restore_layout(self, stored: StoredContext, change: ContextChange) -> Sequence[RestoreFile]:
        """Returns the files to write."""
        return self._resume.restore_layout(stored, change)

    def index_entries(self, stored: StoredContext, change: ContextChange, home: str) -> Sequence[IndexEntry]:
        """Returns the entries that the session needs in the agent's own lists."""
        return self._resume.index_entries(stored, change, home)

    def context_of(self, stored: StoredContext, change: ContextChange) -> str:
        """Returns the name of the context after `change`."""
        return self._resume.context_of(stored, change)

    @property
    def _resume(self) -> ResumeModule:
        return cast(ResumeModule, self._load("resume"))
