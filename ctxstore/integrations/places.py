"""Where integrations keep what is theirs: never in a repository, which is for what was saved."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping


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
