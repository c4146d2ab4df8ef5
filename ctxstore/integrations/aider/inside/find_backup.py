"""Finds backups: commits of the project, and files of this and other tools."""

from __future__ import annotations

import os
import time
from typing import Any

from .backup import Backup, parse_backup, read_backup
from .problem import CommandProblem
from .prompt import Prompt, format_count
from .store import Store

FOLDERS = (".extn_aider/temp/context_backup", ".extn_aider/temp/context_create", ".aider/sessions")


def backup_files(project: str) -> list[str]:
    """Returns the backup files of the project as relative paths, newest first."""
    found = []
    for folder in FOLDERS:
        try:
            with os.scandir(os.path.join(project, folder)) as entries:
                found += [entry.path for entry in entries if entry.name.endswith(".json") and entry.is_file()]
        except OSError:
            continue
    return [os.path.relpath(path, project) for path in sorted(found, key=_mtime, reverse=True)]


def _mtime(path: str) -> float:
    try:
        return os.stat(path).st_mtime
    except OSError:
        return 0.0


def find_backup(project: str, store: Store, name: str) -> Backup:
    """Finds a backup by file name or by revision: ``context``, ``context~1``, an id. Raises `CommandProblem`."""
    if name.endswith(".json"):
        return read_backup(_find_file(project, name) or os.path.join(project, name))
    try:
        value = store.call("load", project=project, rev=name)
    except CommandProblem:
        path = _find_file(project, f"{name}.json")
        if path is None:
            raise
        return read_backup(path)
    return parse_backup(value, f"{value['commit'][:8]} of {value['context'].rpartition('/')[2]}", is_own=True)


def _find_file(project: str, name: str) -> str | None:
    name = os.path.expanduser(name)
    folders = [os.getcwd(), project, *(os.path.join(project, folder) for folder in FOLDERS)]
    return next(filter(os.path.exists, (os.path.join(folder, name) for folder in folders)), None)


def list_backups(project: str, prompt: Prompt, store: Store) -> None:
    """Prints all backups. If the store fails, prints the error and the files."""
    files = backup_files(project)
    try:
        commits = store.call("list", project=project)["commits"]
    except CommandProblem as problem:
        commits = []
        prompt.error(problem.message, problem.hint)
    for each in commits:
        prompt.info(_commit_line(each))
    for path in files:
        prompt.info(f"{'file':<8}  {path}")
    if commits or files:
        prompt.info("To load one: /context_load NAME, NAME~1, an id or a file; add --files to restore its files.")
    else:
        prompt.info("No backups of this project yet: /context_backup makes one.")


def _commit_line(each: dict[str, Any]) -> str:
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(each["time_ns"] / 1e9))
    size = f"{format_count(each['messages'] or 0, 'message')}, {format_count(each['files'], 'file')}"
    return f"{each['commit'][:8]}  {when}  {each['name']:<20}  {size}  {each['model'] or ''}".rstrip()
