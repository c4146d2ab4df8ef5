"""Where backups are found: commits of this project, and files that this and other tools write."""

from __future__ import annotations

import os
import time
from typing import Any

from .backup import Backup, parse_backup, read_backup
from .problem import CommandProblem
from .prompt import Prompt, count
from .store import Store

FOLDERS = (".extn_aider/temp/context_backup", ".extn_aider/temp/context_create", ".aider/sessions")


def backup_files(project: str) -> list[str]:
    """The backups in files, below the project, newest first."""
    found = []
    for folder in FOLDERS:
        try:
            with os.scandir(os.path.join(project, folder)) as entries:
                found += [entry.path for entry in entries if entry.name.endswith(".json") and entry.is_file()]
        except OSError:
            continue
    return [os.path.relpath(path, project) for path in sorted(found, key=_age)]


def _age(path: str) -> float:
    try:
        return -os.stat(path).st_mtime
    except OSError:
        return 0.0


def find_backup(project: str, store: Store, name: str) -> Backup:
    """A backup by the name of a file, or a revision: ``context``, ``context~1``, an id. Raises `CommandProblem`."""
    if name.endswith(".json"):
        return read_backup(_find_file(project, name) or os.path.join(project, name))
    try:
        value = store.ask("load", project=project, rev=name)
    except CommandProblem:
        path = _find_file(project, f"{name}.json")
        if path is None:
            raise
        return read_backup(path)
    return parse_backup(value, f"{value['commit'][:8]} of {value['context'].rpartition('/')[2]}", is_own=True)


def _find_file(project: str, name: str) -> str | None:
    name = os.path.expanduser(name)
    places = [os.getcwd(), project, *(os.path.join(project, folder) for folder in FOLDERS)]
    return next(filter(os.path.exists, (os.path.join(place, name) for place in places)), None)


def list_backups(project: str, prompt: Prompt, store: Store) -> None:
    """All there are; what the store can't tell leaves the files."""
    files = backup_files(project)
    try:
        commits = store.ask("list", project=project)["commits"]
    except CommandProblem as problem:
        commits = []
        prompt.fail(problem.message, problem.hint)
    for each in commits:
        prompt.say(_line(each))
    for path in files:
        prompt.say(f"{'file':<8}  {path}")
    if commits or files:
        prompt.say("/context_load NAME, NAME~1, an id or a file loads one; with --files its files as well.")
    else:
        prompt.say("There is no backup of this project yet: /context_backup makes one.")


def _line(each: dict[str, Any]) -> str:
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(each["time_ns"] / 1e9))
    size = f"{count(each['messages'] or 0, 'message')}, {count(each['files'], 'file')}"
    return f"{each['commit'][:8]}  {when}  {each['name']:<20}  {size}  {each['model'] or ''}".rstrip()
