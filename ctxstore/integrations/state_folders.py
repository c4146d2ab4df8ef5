"""The folders in which integrations keep their state. They are never inside a repository."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping


def state_folder(environ: Mapping[str, str]) -> str:
    """Returns the user's state folder for ctxstore, which may not exist yet."""
    if sys.platform == "linux":  # same result as platformdirs, without the cost of its import
        state = environ.get("XDG_STATE_HOME", "")
        home = environ.get("HOME") or os.path.expanduser("~")
        return os.path.join(state if os.path.isabs(state) else os.path.join(home, ".local/state"), "ctxstore")
    from platformdirs import user_state_dir

    return user_state_dir("ctxstore-state", appauthor=False)  # on macOS, "ctxstore" is the repository


def hooks_folder(environ: Mapping[str, str]) -> str:
    """Returns the folder of hooks' pending requests and of their last failure."""
    return os.path.join(state_folder(environ), "hooks")


def missing_folders(folders: Iterable[str]) -> list[str]:
    """Returns the folders that do not exist, parents included, outermost first."""
    missing: set[str] = set()
    pending = list(folders)
    while pending:
        folder = pending.pop()
        if folder and folder not in missing and not os.path.isdir(folder):
            missing.add(folder)
            pending.append(os.path.dirname(folder))
    return sorted(missing)
