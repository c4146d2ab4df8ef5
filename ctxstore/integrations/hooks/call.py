"""A call of a hook, and the function that opens its repository."""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ctxstore import Repo

Open = Callable[[str], "Repo"]
"""Opens the repository of that place, or if it is empty the user's own, which is made if it is not there."""


class Call(NamedTuple):
    """One call of a hook: by which agent, on which event (empty: the payload says), for which repository (empty: the
    user's own), with what the agent said."""

    agent: str
    event: str
    repo: str
    payload: bytes
