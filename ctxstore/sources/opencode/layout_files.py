"""The files OpenCode kept sessions in before it had a database: one for each session, message and part.

From 0.6 to 1.1:
storage/session/<project>/<session>.json      storage/message/<session>/<message>.json
storage/part/<message>/<part>.json            storage/todo/<session>.json, storage/session_diff/<session>.json

Before 0.6, in project/<folder>/storage/session:
info/<session>.json     message/<session>/<message>.json     part/<session>/<message>/<part>.json
"""

from __future__ import annotations

import os
import re
from functools import cached_property

from ctxstore.sources.opencode.session_files import MessagePlace, SessionFiles, name_of, read_folder
from ctxstore.sources.protocol import FoundFile, ReportSkipped
from ctxstore.sources.walk import by_key, find_file, is_folder, list_folder, walk

STORAGE = "storage"
PROJECTS = "project"
BESIDE = ("session_diff", "todo")
"""Folders of files that are named after sessions."""

_ID = re.compile(r"ses_[A-Za-z0-9_-]{1,120}")


class OpenCodeFiles:
    """Lists the sessions in the folders ``storage`` and ``project`` of one home."""

    def __init__(self, home: str, report: ReportSkipped) -> None:
        self._home = home
        self._report = report

    def list_sessions(self) -> list[SessionFiles]:
        """Returns all sessions that have a file or messages, in the order of their ids."""
        return [self._sessions[id] for id in sorted(self._sessions)]

    def folder_of(self, session: SessionFiles) -> str:
        """Returns the folder in which a session worked, from its own file, or an empty string if it is unknown."""
        found = (read_folder(os.path.join(self._home, key)) for key in session.own)
        return next(filter(None, found), "")

    def files(self, session: SessionFiles) -> list[FoundFile]:
        """Returns all files of a session, in the order of their keys."""
        files = self.files_beside(session.id)
        for key in session.own:
            self._add(files, key)
        for place in session.places:
            messages = self._walk(place.messages)
            files += messages
            folders = [place.parts] if place.project else [f"{place.parts}/{name_of(file.key)}" for file in messages]
            for folder in folders:
                files += self._walk(folder)
        return sorted({file.key: file for file in files}.values(), key=by_key)

    def files_beside(self, id: str) -> list[FoundFile]:
        """Returns a session's files that OpenCode keeps even if the messages are in a database."""
        files: list[FoundFile] = []
        for folder in BESIDE:
            self._add(files, f"{STORAGE}/{folder}/{id}.json")
        return files

    def count_messages(self, session: SessionFiles) -> int:
        """Returns the number of messages in files."""
        return max((len(self.list_folder(place.messages)) for place in session.places), default=0)

    def is_session(self, id: str) -> bool:
        """Whether a session of this id is in files."""
        return id in self._sessions

    @cached_property
    def message_ids(self) -> frozenset[str]:
        """The ids of the messages in ``storage``."""
        places = [place for session in self._sessions.values() for place in session.places if not place.project]
        return frozenset(name_of(entry.name) for place in places for entry in self.list_folder(place.messages))

    def list_folder(self, key: str) -> list[os.DirEntry[str]]:
        """Returns the entries of a folder, by its key."""
        return list_folder(os.path.join(self._home, key), self._report)

    @cached_property
    def _sessions(self) -> dict[str, SessionFiles]:
        found: dict[str, SessionFiles] = {}
        for project in self.list_folder(f"{STORAGE}/session"):
            if is_folder(project):
                self._add_own(found, f"{STORAGE}/session/{project.name}")
        for entry in filter(is_session_folder, self.list_folder(f"{STORAGE}/message")):
            _add_place(found, entry.name, MessagePlace(f"{STORAGE}/message/{entry.name}", f"{STORAGE}/part"))
        for project in filter(is_folder, self.list_folder(PROJECTS)):
            top = folder_before_06(project.name)
            self._add_own(found, f"{top}/info")
            for kind in ("message", "part"):
                for entry in filter(is_session_folder, self.list_folder(f"{top}/{kind}")):
                    place = MessagePlace(f"{top}/message/{entry.name}", f"{top}/part/{entry.name}", project.name)
                    _add_place(found, entry.name, place)
        return found

    def _add_own(self, found: dict[str, SessionFiles], folder: str) -> None:
        for entry in self.list_folder(folder):
            if is_session_file(entry):
                id = name_of(entry.name)
                found.setdefault(id, SessionFiles(id, [], [])).own.append(f"{folder}/{entry.name}")

    def _walk(self, key: str) -> list[FoundFile]:
        path = os.path.join(self._home, key)
        return [] if os.path.islink(path) else walk(path, key + "/", self._report)

    def _add(self, files: list[FoundFile], key: str) -> None:
        file = find_file(self._home, key, self._report)
        if file is not None:
            files.append(file)


def folder_before_06(project: str) -> str:
    """Returns the key of the folder that versions before 0.6 kept a project's sessions in."""
    return f"{PROJECTS}/{project}/{STORAGE}/session"


def is_session_file(entry: os.DirEntry[str]) -> bool:
    """Whether the entry is a session's own file."""
    name, end = os.path.splitext(entry.name)
    return end == ".json" and _ID.fullmatch(name) is not None and not is_folder(entry)


def is_session_folder(entry: os.DirEntry[str]) -> bool:
    """Whether the entry is a folder of one session's messages, or parts."""
    return _ID.fullmatch(entry.name) is not None and is_folder(entry)


def _add_place(found: dict[str, SessionFiles], id: str, place: MessagePlace) -> None:
    places = found.setdefault(id, SessionFiles(id, [], [])).places
    if place not in places:
        places.append(place)
