"""The repetition of a small change of refs after a lost race."""

from collections.abc import Callable
from typing import TypeVar

from ctxstore.errors import RefMoved
from ctxstore.history.transaction import MustRestart

TRIES = 8
"""Attempts before the error is raised."""

Result = TypeVar("Result")


def retry(attempt: Callable[[], Result]) -> Result:
    """Calls `attempt` until it succeeds, at most `TRIES` times, and returns its result.

    Each call must decide again from the newest state. Raises the error of the last call.
    """
    for _ in range(TRIES - 1):
        try:
            return attempt()
        except (RefMoved, MustRestart):
            continue
    return attempt()
