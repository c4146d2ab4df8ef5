"""Where integrations keep what is theirs: never in a repository, which is for what was saved."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping


def state_folder(environ: Mapping[str, str]) -> str:
    """The user's folder for it. Only what makes something in it makes the folder."""
    if sys.platform == "linux":  # as platformdirs has it, without the time its imports take
        state = environ.get("XDG_STATE_HOME", "")
        home = environ.get("HOME") or os.path.expanduser("~")
        return os.path.join(state if os.path.isabs(state) else os.path.join(home, ".local/state"), "ctxstore")
    from platformdirs import user_state_dir

    return user_state_dir("ctxstore-state", appauthor=False)  # "ctxstore" is the repository's on a Mac


def hooks_folder(environ: Mapping[str, str]) -> str:
    """Where hooks keep what they were asked for, and what went wrong."""
    return os.path.join(state_folder(environ), "hooks")


def missing_folders(folders: Iterable[str]) -> list[str]:
    """Those of the folders, and of the folders above them, that are not there; outermost first."""
    missing: set[str] = set()
    pending = list(folders)
    while pending:
        folder = pending.pop()
        if folder and folder not in missing and not os.path.isdir(folder):
            missing.add(folder)
            pending.append(os.path.dirname(folder))
    return sorted(missing)


def make_folders(path: str) -> None:
    """Make a folder and those above it, for the user only. Raises `OSError`."""
    for folder in missing_folders([path]):
        try:
            os.mkdir(folder, 0o700)
        except FileExistsError:
            pass  # another process was first, or a file is in the way: what comes next tells
