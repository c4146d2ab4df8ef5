"""The optional protocol of a source whose agent can continue from a restored context.

A source that is `Resumable` lets `ctx checkout` change a session on the way: its id, the folder it worked in, its last
message. It also adds the session to the agent's own lists. As every source, it only plans: `ctxstore.ops` reads, writes
and verifies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

from ctxstore.errors import NotFound
from ctxstore.sources.moved_path import move_path
from ctxstore.sources.protocol import Message


class ContextChange(NamedTuple):
    """The changes that a checkout makes to a session.

    - `session`: the new id. Empty: the id is unchanged.
    - `paths`: pairs of an old and a new folder, both absolute.
    - `until`: the id of the last message to keep. Empty: all messages are kept.
    - `now`: ns since 1970, the time for files that the agent must see as recent.
    - `home`: the agent's home to which the session is restored, or empty. The source may read its list of projects.
    """

    session: str = ""
    paths: tuple[tuple[str, str], ...] = ()
    until: str = ""
    now: int = 0
    home: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether the checkout changes nothing."""
        return not (self.session or self.paths or self.until)

    def path(self, path: str) -> str:
        """Returns the new path of a folder, or of a file in it. The longest of `paths` that contains it decides."""
        for old, new in sorted(self.paths, key=lambda pair: -len(pair[0])):
            moved = move_path(path, old, new)
            if moved is not None:
                return moved
        return path


class StoredContext(NamedTuple):
    """A stored context: the name the source gave it, the folder it worked in (as far as known), the keys of its files,
    folders and links in order, and the files' bytes.

    The keys include files of other contexts that the transcript continues. The home has those in `unchanged`.
    """

    context: str
    project: str | None
    keys: Sequence[str]
    read: Callable[[str], Iterator[bytes]]
    unchanged: frozenset[str] = frozenset()

    @property
    def session(self) -> str:
        """The last part of the context's name. For most agents, this is the session's id."""
        return self.context.rpartition("/")[2]


FileEdit = Callable[[Iterator[bytes]], Iterator[bytes]]
"""A file's bytes as stored → as they are written. Called more than once; each time it gives the same."""


class RestoreFile(NamedTuple):
    """A file to restore: it is stored as `origin`, and written as `key` below the home after `edit`.

    - `is_new`: the file gets the present time, so that the agent does not delete it as old.
    - `origin`: None for a file that `edit` creates from no bytes.
    """

    key: str
    origin: str | None
    edit: FileEdit | None = None
    is_new: bool = False


class IndexEntry(Protocol):
    """An entry in one of the agent's own lists or databases, which other sessions share. It is added, and nothing else
    is touched.

    `path`: the file, below the home. `what`: a description for people. Entries are values, made by `index_entries`.
    """

    @property
    def path(self) -> str: ...
    @property
    def what(self) -> str: ...

    def is_there(self, home: str) -> bool:
        """Whether the agent at `home` has exactly this entry. It is called before a change, to decide whether it is
        needed, and after it, to verify it."""

    def apply(self, home: str) -> None:
        """Adds the entry, whole or not at all. Raises `StorageError`, `Conflict` (locked, an unknown version)."""


@runtime_checkable
class ReplacingIndexEntry(Protocol):
    """An `IndexEntry` that replaces the entry of the same session, if the agent has one."""

    def found(self, home: str) -> bytes:
        """Returns bytes that identify the present entry, or empty bytes if replacing it loses nothing. Equal entries
        give equal bytes.

        Raises `Conflict` if the entry cannot be read.
        """


class AgentProgram(NamedTuple):
    """The features by which the processes of a running agent are found: names of its executable, or parts of its
    script's path.

    - `everywhere`: its sessions share a database, so any of its processes prevents a checkout. Otherwise, only these
      processes do: those that run in the session's project, those whose arguments contain that folder or the session's
      id, and those with one of the words `servers`.
    - `servers`: arguments of processes that serve any project.
    - `resume`: the command that continues ``{session}``.
    """

    names: frozenset[str]
    scripts: tuple[str, ...] = ()
    everywhere: bool = False
    resume: str = ""
    servers: frozenset[str] = frozenset()


@runtime_checkable
class Resumable(Protocol):
    """Protocol of a source whose agent can continue from a restored context."""

    program: AgentProgram

    def new_session(self, now: int, random: bytes) -> str:
        """Returns an id as the agent makes them, from the time (ns) and 16 random bytes."""

    def restore_layout(self, stored: StoredContext, change: ContextChange) -> Sequence[RestoreFile]:
        """Returns the files to write, in the order of their keys. Files that are left out are not the agent's (see
        `index_entries`), or belong to the original alone.

        Without a change, every file is unchanged. With `session`, the id is replaced wherever the agent reads it: in
        names of files and in their records, not in messages. `paths` likewise change the folder the agent reads, not
        messages. Raises `NotFound` for an unknown message in `until`, and `InvalidInput` for a context that is no
        session, or that can't be changed so.
        """

    def index_entries(self, stored: StoredContext, change: ContextChange, home: str) -> Sequence[IndexEntry]:
        """Returns the entries that the agent at `home` needs, whether it has them or not. `home` may not exist yet."""

    def context_of(self, stored: StoredContext, change: ContextChange) -> str:
        """Returns the name of the context after the checkout."""


@runtime_checkable
class NamesSessions(Protocol):
    """Protocol of a source whose context names do not end in the agent's session ids."""

    def session_of(self, stored: StoredContext) -> str:
        """Returns the agent's id of the session, or an empty string if there is none."""


def session_of(source: Resumable, stored: StoredContext) -> str:
    """Returns the agent's id of a stored session: the last part of its name, unless the source is `NamesSessions`."""
    known = source.session_of(stored) if isinstance(source, NamesSessions) else ""
    return known or stored.session


def restore_all(stored: StoredContext) -> list[RestoreFile]:
    """Returns all files, unchanged."""
    return [RestoreFile(key, key) for key in stored.keys]


def edit_whole(change: Callable[[bytes], bytes]) -> FileEdit:
    """Returns the edit of a file that is changed in one piece."""

    def edit(blocks: Iterator[bytes]) -> Iterator[bytes]:
        yield change(b"".join(blocks))

    return edit


def require_message(stored: StoredContext, id: str, messages: Iterable[Message]) -> None:
    """Raises `NotFound` if none of the `messages` has this id."""
    if not any(message.id == id for message in messages):
        raise no_such_message(stored, id)


def no_such_message(stored: StoredContext, id: str) -> NotFound:
    """Returns the error for a message that a session does not have."""
    return NotFound(f"{stored.context} has no message {id!r}", hint=f"`ctx show {stored.context} --json` lists them")


def new_uuid(now: int, random: bytes) -> str:
    """Returns a random UUID, version 4 (RFC 9562): `new_session` of many agents."""
    from uuid import UUID

    return str(UUID(bytes=random[:16], version=4))


def no_index_entries(stored: StoredContext, change: ContextChange, home: str) -> Sequence[IndexEntry]:
    """Returns no entries: `index_entries` of agents that find a session by its files."""
    return ()
