"""The files OpenCode kept sessions in before it had a database: one for each session, message and part.

storage/session/<project>/<session>.json      storage/message/<session>/<message>.json
storage/part/<message>/<part>.json            storage/todo/<session>.json, storage/session_diff/<session>.json
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from ctxstore.errors import SourceError
from ctxstore.sources.content import json_object, string
from ctxstore.sources.protocol import FoundFile, ReportSkipped, Skipped
from ctxstore.sources.walk import by_key, list_folder, read_head, walk, why_not

_SESSION = re.compile(r"(ses_[A-Za-z0-9_-]{1,120})\.json")
_LIMIT = 64 << 20
"""No session, message or part is larger."""


class SessionFile(NamedTuple):
    """A session in files: its id, the folder it worked in, and its own file's key."""

    id: str
    folder: str
    key: str


class OpenCodeFiles:
    """Lists the folder ``storage``."""

    def __init__(self, home: str, report: ReportSkipped) -> None:
        self._home = home
        self._report = report

    def sessions(self) -> Iterator[SessionFile]:
        """Yields all sessions that have files."""
        for project in list_folder(os.path.join(self._home, "storage", "session"), self._report):
            if not project.is_dir(follow_symlinks=False):
                continue
            for entry in list_folder(project.path, self._report):
                match = _SESSION.fullmatch(entry.name)
                if match:
                    key = f"storage/session/{project.name}/{entry.name}"
                    yield SessionFile(match[1], _folder_of(entry.path), key)

    def files(self, session: SessionFile) -> list[FoundFile]:
        """Returns all files of a session, in the order of their keys."""
        files = self.files_beside(session.id)
        folder, name = os.path.split(session.key)
        self._add(files, folder, name)
        messages = f"storage/message/{session.id}"
        files += walk(os.path.join(self._home, messages), messages + "/", self._report)
        for message in [file for file in files if file.key.startswith(messages)]:
            parts = "storage/part/" + os.path.basename(message.key).removesuffix(".json")
            files += walk(os.path.join(self._home, parts), parts + "/", self._report)
        files.sort(key=by_key)
        return files

    def files_beside(self, id: str) -> list[FoundFile]:
        """Returns the files that exist even where messages are in a database."""
        files: list[FoundFile] = []
        for folder in ("session_diff", "todo"):
            self._add(files, f"storage/{folder}", f"{id}.json")
        return files

    def transcript(self, session: SessionFile, files: Sequence[FoundFile], key: str) -> FoundFile:
        """Returns a file of the rows that a database would have, which can be read as messages."""
        from ctxstore.sources.sqlite.fake_stat import stamp

        taken = [file for file in files if stat.S_ISREG(file.stat.st_mode)]
        states = [(file.key, file.stat.st_size, file.stat.st_mtime_ns, file.stat.st_ino) for file in taken]
        size = sum(file.stat.st_size for file in taken)
        newest = max((file.stat.st_mtime_ns for file in taken), default=0)
        path = os.path.join(self._home, session.key)
        return FoundFile(key, path, stamp(size, newest, states), content=lambda: _lines(session, taken))

    def _add(self, files: list[FoundFile], folder: str, name: str) -> None:
        file = find_file(self._home, f"{folder}/{name}", self._report)
        if file is not None:
            files.append(file)


def find_file(home: str, key: str, report: ReportSkipped) -> FoundFile | None:
    """Returns one file, without listing its folder."""
    path = os.path.join(home, key)
    try:
        status = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        report(Skipped(path, error.strerror or str(error)))
        return None
    reason = why_not(os.path.basename(key), status.st_mode)
    if reason:
        report(Skipped(path, reason, failed=False))
        return None
    return FoundFile(key, path, status)


def _folder_of(path: str) -> str:
    """Returns the folder a session worked in, from its own file; empty if it has none."""
    try:
        return string(json_object(_read(path)).get("directory"))
    except SourceError:
        return ""


def _lines(session: SessionFile, files: Sequence[FoundFile]) -> Iterator[bytes]:
    from ctxstore.sources.sqlite.rows import RowLine, encode_line

    by_folder: dict[str, list[FoundFile]] = {}
    for file in files:
        by_folder.setdefault(os.path.dirname(file.key), []).append(file)
    for file in files:
        if file.key == session.key:
            data = _read(file.path)
            row = {"id": session.id, "directory": session.folder, "title": string(json_object(data).get("title"))}
            yield encode_line(RowLine("session", row | {"data": _plain(data)}))
    for message in by_folder.get(f"storage/message/{session.id}", ()):
        id = _id_of(message)
        rows = [RowLine("part", _row(part, message_id=id)) for part in by_folder.get(f"storage/part/{id}", ())]
        yield encode_line(RowLine("message", _row(message, session_id=session.id), rows))


def _row(file: FoundFile, **row: Any) -> dict[str, Any]:
    return {"id": _id_of(file), **row, "data": _plain(_read(file.path))}


def _id_of(file: FoundFile) -> str:
    return os.path.basename(file.key).removesuffix(".json")


def _plain(data: bytes) -> Any:
    from ctxstore.sources.sqlite.database import Garbled
    from ctxstore.sources.sqlite.rows import plain_value

    try:
        return data.decode()
    except UnicodeDecodeError:
        return plain_value(Garbled(data))


def _read(path: str) -> bytes:
    try:
        data = read_head(path, _LIMIT + 1)
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}") from error
    if len(data) > _LIMIT:
        raise SourceError(f"{path}: larger than any message")
    return data
