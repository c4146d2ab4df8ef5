"""Where Copilot CLI keeps what belongs to a session: a folder of its own, or, in old versions, a file."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator

from ctxstore.errors import SourceError
from ctxstore.sources.context_names import suffix_of
from ctxstore.sources.copilot.home import home_files
from ctxstore.sources.protocol import FoundContext, FoundFile, ReportSkipped, Skipped
from ctxstore.sources.walk import by_key, list_folder, look_at, walk

_PREFIX = "copilot/sessions/"
HOME = "copilot/home"
SESSIONS = "session-state"
EVENTS = "events.jsonl"
WORKSPACE = "workspace.yaml"
DATABASE = "session.db"
_BULKY = ("files/", "research/", "rewind-file-snapshots/")
"""What a session made, and what it can go back to: not what it is."""

_LOCKS = (".lock", "-wal", "-shm", "-journal")
_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,127}")

FolderEntry = os.DirEntry[str]


def session_of(context: str) -> str | None:
    """The id of the session that is the context `context`; ``None`` if that is none."""
    id = context.removeprefix(_PREFIX)
    return id if id != context and _ID.fullmatch(id) else None


def context_name(session: str) -> str:
    """The context of a session."""
    return _PREFIX + session


def events_key(session: str) -> str:
    """Where a session's events are kept."""
    return f"{SESSIONS}/{session}/{EVENTS}"


def transcript_of(context: str, keys: Iterable[str]) -> str | None:
    """The file that holds a session's events: the one in its folder, else that of an old version."""
    session = session_of(context)
    if session is None:
        return None
    found = {events_key(session), f"{SESSIONS}/{session}.jsonl"}.intersection(keys)
    return max(found, default=None)  # a slash sorts after a full stop


class CopilotLayout:
    """One look at the folder ``.copilot``: what is listed is listed once."""

    def __init__(self, path: str, label: str, report: ReportSkipped) -> None:
        self.path = path
        self.home = HOME + suffix_of(label, ".copilot")
        self.report = report

    def contexts(self) -> Iterator[FoundContext]:
        """All contexts: the home, then sessions in the order of their ids."""
        home = home_files(self.path, self.report)
        if home:
            yield FoundContext(self.home, home)
        sessions = self._sessions()
        for id in sorted(sessions):
            files = self._files(sessions[id])
            if files:
                yield FoundContext(context_name(id), files)

    def find(self, name: str) -> FoundContext | None:
        """The context called `name`; of the others only the names are listed."""
        session = session_of(name)
        files: list[FoundFile] = []
        if name == self.home:
            files = home_files(self.path, self.report)
        elif session is not None:
            files = self._files(self._sessions().get(session, []))
        return FoundContext(name, files) if files else None

    def _sessions(self) -> dict[str, list[FolderEntry]]:
        """What there is of each session, by id."""
        sessions: dict[str, list[FolderEntry]] = {}
        for entry in list_folder(os.path.join(self.path, SESSIONS), self.report):
            id = entry.name
            if not _is_folder(entry) and not entry.is_symlink():
                id = id.removesuffix(".jsonl")
                if id == entry.name:
                    continue
            if _ID.fullmatch(id):
                sessions.setdefault(id, []).append(entry)
        return sessions

    def _files(self, entries: list[FolderEntry]) -> list[FoundFile]:
        files: list[FoundFile] = []
        for entry in entries:
            key = f"{SESSIONS}/{entry.name}"
            file = look_at(entry, key, self.report)
            if file is None:
                continue
            files.append(file)
            if _is_folder(entry):
                files += self._below(file.path, key + "/")
        files.sort(key=by_key)
        return files

    def _below(self, path: str, prefix: str) -> Iterator[FoundFile]:
        for file in walk(path, prefix, self.report):
            name = file.key.removeprefix(prefix)
            if "/" not in name and name.endswith(_LOCKS):
                continue
            if name == DATABASE:
                yield from self._database(file)
            else:
                bulky = name.startswith(_BULKY) or name + "/" in _BULKY
                yield file._replace(state=False) if bulky else file

    def _database(self, file: FoundFile) -> Iterator[FoundFile]:
        """The session's own tables, as SQLite's online backup copies them."""
        from ctxstore.sources.sqlite.fake_stat import stamp
        from ctxstore.sources.sqlite.read_safely import find_place

        try:
            place = find_place(file.path)
        except SourceError as error:
            self.report(Skipped(file.path, error.message))
            return
        newest = max(place.file.mtime_ns, place.log.mtime_ns)
        state = stamp(place.file.size, newest, place.file, place.log)

        def content() -> Iterator[bytes]:
            from ctxstore.sources.sqlite.contents import copy_of

            return copy_of(file.path, ())()

        yield file._replace(stat=state, content=content)


def _is_folder(entry: FolderEntry) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False
