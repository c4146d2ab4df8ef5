"""The placement of a checkout: where a context is restored to, and what changes on the way."""

from __future__ import annotations

from typing import NamedTuple

from ctxstore.errors import InvalidInput, NotFound
from ctxstore.ops.content.conversation import iter_messages
from ctxstore.ops.content.find_message import NUMBER
from ctxstore.ops.content.view import View
from ctxstore.sources.moved_path import is_absolute_folder
from ctxstore.sources.protocol import Message

MIN_PREFIX = 4
"""The shortest beginning of an id, in characters, that is accepted if it is unique."""


class Placement(NamedTuple):
    """The place and the changes of a checkout. Without `to` and `home` the context is restored to its original place.

    - `to`: a folder to write the files to.
    - `home`: a home folder, of another user or in another place, whose agent gets the session.
    - `new_session`: restores under a new id and leaves the original unchanged.
    - `paths`: pairs of absolute folders (old, new): a project that has moved.
    - `until`: the last message to keep, in a new session. An id, a unique beginning of an id, or a number.
    """

    to: str | None = None
    home: str | None = None
    new_session: bool = False
    paths: tuple[tuple[str, str], ...] = ()
    until: str = ""

    @property
    def changes(self) -> bool:
        """Whether the restored session differs from the stored one."""
        return self.new_session or bool(self.paths or self.until)


def check_placement(placement: Placement) -> None:
    """Raises `InvalidInput` if the placement is contradictory, of another type, or contains a path that is not
    absolute."""
    if not isinstance(placement, Placement):
        raise InvalidInput(f"expected a Placement, got {type(placement).__name__}")
    if placement.to is not None and placement.home is not None:
        raise InvalidInput("a checkout has one target: either a folder or a home, not both")
    for old, new in placement.paths:
        for path in (old, new):
            if not is_absolute_folder(path):
                raise InvalidInput(
                    f"{path!r} is not the absolute path of a folder",
                    hint="write /OLD/FOLDER=/NEW/FOLDER, without . and ..",
                )
    if len({old for old, _ in placement.paths}) < len(placement.paths):
        raise InvalidInput("a folder is mapped twice")


def find_message(view: View, wanted: str) -> str:
    """Returns the id of the message that `wanted` selects by its id, by a unique beginning of the id, or by its number.

    The agent's internal records are rejected, because no agent can resume after one. Raises `NotFound` or
    `InvalidInput`.
    """
    found: list[str] = []
    hint = f"`ctx search` shows ids, `ctx show {view.ref} --json` lists all of them; numbers count from 0"
    number = int(wanted) if NUMBER.match(wanted) else None
    at: Message | None = None
    is_record = False
    for count, message in enumerate(iter_messages(view)):
        at = message if count == number else at
        if message.role == "meta":
            is_record = is_record or message.id == wanted
        elif message.id == wanted:
            return wanted
        elif len(wanted) >= MIN_PREFIX and message.id.startswith(wanted) and message.id not in found:
            found.append(message.id)
    if is_record or (at and at.role == "meta"):
        raise InvalidInput(f"{wanted!r} is an internal record of the agent, not a message", hint=hint)
    if at:
        return at.id
    if len(found) > 1:
        raise InvalidInput(
            f"{wanted!r} is ambiguous: the ids of {len(found)} messages begin with it: {found[0]}, {found[1]} …"
        )
    if not found:
        raise NotFound(f"{view.ref} has no message {wanted!r}", hint=hint)
    return found[0]
