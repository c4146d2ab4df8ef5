"""A record of the last failure of a hook, which the next command shows to the user."""

from __future__ import annotations

import json
import os
import time
from typing import NamedTuple

from ctxstore.durable.replace import make_folders, remove_file, replace_file
from ctxstore.errors import CtxstoreError

MAX_CHARACTERS = 2_000


class HookFailure(NamedTuple):
    """The last failure: its time in ns, the agent, the message, and the number of failures in a row."""

    time: int
    agent: str
    message: str
    times: int


def describe_error(error: BaseException) -> str:
    """Returns the message of an error of ctx or of the system, and only the type of others.

    Messages of other errors may quote parts of a conversation.
    """
    if isinstance(error, CtxstoreError):
        text = f"{error.message} ({error.hint})" if error.hint else error.message
    elif isinstance(error, OSError):
        text = f"{os.fsdecode(error.filename)}: {error.strerror}" if error.filename else str(error.strerror)
    else:
        text = f"unexpected {type(error).__name__}"
    return text[:MAX_CHARACTERS]


def record_failure(folder: str, agent: str, error: BaseException) -> None:
    """Records a failure in `folder`. Errors in doing so are ignored, because nobody could see them."""
    before = last_failure(folder)
    failure = HookFailure(time.time_ns(), agent, describe_error(error), before.times + 1 if before else 1)
    path = _path(folder)
    try:
        make_folders(folder)
        replace_file(path, [json.dumps(failure._asdict()).encode()])
    except OSError:
        pass


def last_failure(folder: str) -> HookFailure | None:
    """Returns the recorded failure, unless a later hook succeeded."""
    try:
        with open(_path(folder), encoding="utf-8") as file:
            value = json.loads(file.read(1 << 15))
        failure = HookFailure(**value)
    except (OSError, ValueError, TypeError):
        return None
    return failure if tuple(map(type, failure)) == (int, str, str, int) else None


def clear_failure(folder: str) -> None:
    """Deletes the record, after a hook succeeded."""
    try:
        remove_file(_path(folder))
    except OSError:
        pass


def _path(folder: str) -> str:
    return os.path.join(folder, "failure")
