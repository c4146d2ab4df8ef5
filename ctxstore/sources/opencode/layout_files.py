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
from ctxstore.sources.protocol import FoundFile, ReportSkipped, Skipped
from ctxstore.sources.walk import by_key, list_folder, walk, why_not

_SESSION = re.compile(r"(ses_[A-Za-z0-9_-]{1,120})\.json")
_LIMIT = 64 << 20
"""No session, message or part is larger."""


class Older(NamedTuple):
    """A session in files: its own file's path and key, the folder it worked in."""

    id: str
    directory: str
    key: str


class OpenCodeFiles:
    """One look at the folder ``storage``."""

    def __init__(self, root: str, report: ReportSkipped) -> None:
        self._root = root
        self._report = report

    def sessions(self) -> Iterator[Older]:
        """All sessions there are files of."""
        for project in list_folder(os.path.join(self._root, "storage", "session"), self._report):
            if not project.is_dir(follow_symlinks=False):
                continue
            for entry in list_folder(project.path, self._report):
                match = _SESSION.fullmatch(entry.name)
                if match:
                    key = f"storage/session/{project.name}/{entry.name}"
                    yield Older(match[1], _directory_of(entry.path), key)

    def files(self, session: Older) -> list[FoundFile]:
        """All files of a session, in the order of their keys."""
        files = self.beside(session.id)
        folder, name = os.path.split(session.key)
        self._add(files, folder, name)
        messages = f"storage/message/{session.id}"
        files += walk(os.path.join(self._root, messages), messages + "/", self._report)
        for message in [file for file in files if file.key.startswith(messages)]:
            parts = "storage/part/" + os.path.basename(message.key).removesuffix(".json")
            files += walk(os.path.join(self._root, parts), parts + "/", self._report)
        files.sort(key=by_key)
        return files

    def beside(self, id: str) -> list[FoundFile]:
        """The files that are kept even where messages are in a database."""
        files: list[FoundFile] = []
        for folder in ("session_diff", "todo"):
            self._add(files, f"storage/{folder}", f"{id}.json")
        return files

    def transcript(self, session: Older, files: Sequence[FoundFile], key: str) -> FoundFile:
        """What the files say, as one that can be read as messages: as if they were rows of a database."""
        from ctxstore.sources.sqlite.fake_stat import stamp

        taken = [file for file in files if stat.S_ISREG(file.stat.st_mode)]
        states = [(file.key, file.stat.st_size, file.stat.st_mtime_ns, file.stat.st_ino) for file in taken]
        size, newest = sum(state[1] for state in states), max((state[2] for state in states), default=0)
        path = os.path.join(self._root, session.key)
        return FoundFile(key, path, stamp(size, newest, states), content=lambda: _lines(session, taken))

    def _add(self, files: list[FoundFile], folder: str, name: str) -> None:
        file = find_file(self._root, f"{folder}/{name}", self._report)
        if file is not None:
            files.append(file)


def find_file(root: str, key: str, report: ReportSkipped) -> FoundFile | None:
    """One file, looked at without listing its folder."""
    path = os.path.join(root, key)
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


def _directory_of(path: str) -> str:
    """The folder a session worked in, from its own file; empty when it doesn't say."""
    try:
        return _text(_value(_read(path)).get("directory"))
    except SourceError:
        return ""


def _lines(session: Older, files: Sequence[FoundFile]) -> Iterator[bytes]:
    from ctxstore.sources.sqlite.rows import RowLine, encode_line

    by_folder: dict[str, list[FoundFile]] = {}
    for file in files:
        by_folder.setdefault(os.path.dirname(file.key), []).append(file)
    for file in files:
        if file.key == session.key:
            data = _read(file.path)
            row = {"id": session.id, "directory": session.directory, "title": _text(_value(data).get("title"))}
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


def _value(data: bytes) -> dict[str, Any]:
    import json

    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _read(path: str) -> bytes:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        with open(fd, "rb") as file:
            data = file.read(_LIMIT + 1)
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}") from error
    if len(data) > _LIMIT:
        raise SourceError(f"{path}: larger than any message")
    return data
