"""The values that describe a call of a hook."""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ctxstore import Repo

OpenRepo = Callable[[str], "Repo"]
"""Opens the repository at a path. An empty path selects the user's own, which is created if missing."""


class Call(NamedTuple):
    """A call of a hook by an agent.

    An empty `event` means that the payload names it. An empty `repo` selects the user's own repository.
    """

    agent: str
    event: str
    repo: str
    payload: bytes
