"""What went wrong last in the background, for the next command that a person runs."""

from __future__ import annotations

import json
import os
import time
from typing import NamedTuple

from ctxstore.errors import CtxstoreError
from ctxstore.integrations.state_folders import make_folders

LONGEST = 2_000


class HookFailure(NamedTuple):
    """The last failure: when (ns), of which agent, what was said, and how often in a row."""

    time: int
    agent: str
    message: str
    times: int


def describe(error: BaseException) -> str:
    """What may be noted of an error: what ctx itself says, of others the kind. They may quote anything."""
    if isinstance(error, CtxstoreError):
        text = f"{error.message} ({error.hint})" if error.hint else error.message
    elif isinstance(error, OSError):
        text = f"{os.fsdecode(error.filename)}: {error.strerror}" if error.filename else str(error.strerror)
    else:
        text = f"unexpected {type(error).__name__}"
    return text[:LONGEST]


def note_failure(folder: str, agent: str, error: BaseException) -> None:
    """Keep it in `folder`. That this fails as well can't be told to anybody."""
    before = last_failure(folder)
    failure = HookFailure(time.time_ns(), agent, describe(error), before.times + 1 if before else 1)
    path = _path(folder)
    pending = f"{path}.{os.getpid()}.new"
    try:
        make_folders(folder)
        with open(os.open(pending, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "w") as file:
            json.dump(failure._asdict(), file)
        os.replace(pending, path)
    except OSError:
        pass


def last_failure(folder: str) -> HookFailure | None:
    """The failure noted there, if nothing was saved since."""
    try:
        with open(_path(folder), encoding="utf-8") as file:
            value = json.loads(file.read(1 << 15))
        failure = HookFailure(**value)
    except (OSError, ValueError, TypeError):
        return None
    return failure if tuple(map(type, failure)) == (int, str, str, int) else None


def clear_failure(folder: str) -> None:
    """Something was saved."""
    try:
        os.unlink(_path(folder))
    except OSError:
        pass


def _path(folder: str) -> str:
    return os.path.join(folder, "failure")
