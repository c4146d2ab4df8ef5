"""A session that OpenCode kept in files: where they are, and the lines that a database would have of it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ctxstore.errors import SourceError
from ctxstore.sources.content import json_object, string
from ctxstore.sources.protocol import FoundFile
from ctxstore.sources.walk import read_head

if TYPE_CHECKING:
    from ctxstore.sources.sqlite.rows import RowLine

_LIMIT = 64 << 20
"""No session, message or part is larger."""


class MessagePlace(NamedTuple):
    """The keys of two folders: one of a session's `messages`, and one that has a folder of `parts` for each message.
    `project`: the folder below ``project`` that both are in, of versions before 0.6, whose `parts` are one session's.
    """

    messages: str
    parts: str
    project: str = ""


class SessionFiles(NamedTuple):
    """A session in files: the keys of its own files, and the places of its messages. Either may be missing: OpenCode
    moved sessions to other projects, and lost some on the way to other versions."""

    id: str
    own: list[str]
    places: list[MessagePlace]


def transcript(session: SessionFiles, folder: str, files: Sequence[FoundFile], key: str, path: str) -> FoundFile:
    """Returns a file of the rows that a database would have, which can be read as messages."""
    from ctxstore.sources.sqlite.fake_stat import stamp

    taken = [file for file in files if stat.S_ISREG(file.stat.st_mode)]
    states = [(file.key, file.stat.st_size, file.stat.st_mtime_ns, file.stat.st_ino) for file in taken]
    size = sum(file.stat.st_size for file in taken)
    newest = max((file.stat.st_mtime_ns for file in taken), default=0)
    return FoundFile(key, path, stamp(size, newest, states), content=lambda: _lines(session, folder, taken))


def read_folder(path: str) -> str:
    """Returns the folder in which a session worked, from its own file, or an empty string if it has none."""
    try:
        return string(json_object(_read(path)).get("directory"))
    except SourceError:
        return ""


def name_of(key: str) -> str:
    """Returns the id of the session, message or part from the name of the file `key`."""
    return os.path.basename(key).removesuffix(".json")


def _lines(session: SessionFiles, folder: str, files: Sequence[FoundFile]) -> Iterator[bytes]:
    from ctxstore.sources.sqlite.rows import RowLine, encode_line

    by_folder: dict[str, list[FoundFile]] = {}
    for file in files:
        by_folder.setdefault(os.path.dirname(file.key), []).append(file)
        if file.key in session.own:
            data = _read(file.path)
            row = {"id": session.id, "directory": folder, "title": string(json_object(data).get("title"))}
            yield encode_line(RowLine("session", row | {"data": _plain(data)}))
    known: set[str] = set()
    for place in session.places:
        for message in by_folder.get(place.messages, ()):
            if (id := name_of(message.key)) not in known:  # else the copy that the later version made
                known.add(id)
                parts = by_folder.get(f"{place.parts}/{id}", ())
                yield encode_line(_message(session, message, parts))


def _message(session: SessionFiles, message: FoundFile, parts: Sequence[FoundFile]) -> RowLine:
    from ctxstore.sources.sqlite.rows import RowLine

    id = name_of(message.key)
    rows = [RowLine("part", _row(part, message_id=id)) for part in parts]
    return RowLine("message", _row(message, session_id=session.id), rows)


def _row(file: FoundFile, **row: Any) -> dict[str, Any]:
    return {"id": name_of(file.key), **row, "data": _plain(_read(file.path))}


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
