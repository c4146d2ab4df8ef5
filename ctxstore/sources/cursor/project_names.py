"""The folder worked in, from the name that Cursor's command line gives a project: its path, with ``-`` for ``/``."""

from __future__ import annotations

import os
import re

from ctxstore.sources.context_names import plain
from ctxstore.sources.walk import is_folder, list_folder

_PATHS = re.compile(rb'"(/[^"\\\0]{1,1000})')
_MOST = 64
"""The number of folders that are listed to find one."""


def folder_named(name: str, line: bytes) -> str | None:
    """Returns the folder called `name`, from the paths that a line of a transcript contains."""
    for match in _PATHS.finditer(line):
        path = match[1].decode("utf-8", "replace")
        if not plain(path).startswith("-" + name):
            continue
        while path != "/":
            if _name_of(path) == name:
                return path
            path = os.path.dirname(path)
    return None


def guess_folder(name: str, top: str = "/") -> str | None:
    """Returns the folder called `name`: one that exists, else the one whose path has no ``-``."""
    pending, listed = [(top, name)], 0
    while pending and listed < _MOST:
        folder, rest = pending.pop()
        listed += 1
        for entry in list_folder(folder, lambda _: None):
            part = plain(entry.name).lstrip("-")
            if part and (rest == part or rest.startswith(part + "-")) and is_folder(entry):
                if rest == part:
                    return entry.path
                pending.append((entry.path, rest[len(part) + 1 :]))
    drive, _, _ = name.partition("-")
    return "/" + name.replace("-", "/") if len(drive) > 1 else None


def _name_of(path: str) -> str:
    return plain(path).strip("-")
