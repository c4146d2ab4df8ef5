"""Trying a small change of refs again when others were faster."""

from collections.abc import Callable
from typing import TypeVar

from ctxstore.errors import RefMoved
from ctxstore.history.transaction import MustRestart

TRIES = 8

Result = TypeVar("Result")


def retry(attempt: Callable[[], Result]) -> Result:
    """What `attempt` gives, which decides anew from the newest state each time. Raises what the last try did."""
    for _ in range(TRIES - 1):
        try:
            return attempt()
        except (RefMoved, MustRestart):
            continue
    return attempt()
