"""Where a checkout puts a context, and what it changes on the way."""

from __future__ import annotations

import os
from typing import NamedTuple

from ctxstore.errors import InvalidInput, NotFound
from ctxstore.ops.content.conversation import iter_messages
from ctxstore.ops.content.find_message import NUMBER
from ctxstore.ops.content.view import View
from ctxstore.sources.protocol import Message

MIN_PREFIX = 4
"""Characters of an id that are enough, if no other begins with them."""


class Placement(NamedTuple):
    """`to`: a folder to lay the files out in. `home`: another user's home, or this one's elsewhere. Neither: where
    they were. `new_session`: under a new id, so that the original stays. `paths`: (old, new) folders, absolute.
    `until`: the conversation up to this message, as a new session; its id, as much of it as only it has, or its
    number."""

    to: str | None = None
    home: str | None = None
    new_session: bool = False
    paths: tuple[tuple[str, str], ...] = ()
    until: str = ""

    @property
    def changes(self) -> bool:
        """Whether anything is to be different."""
        return self.new_session or bool(self.paths or self.until)


def check_placement(placement: Placement) -> None:
    """Raises `InvalidInput` for what is none, contradicts itself, or names no absolute folder."""
    if not isinstance(placement, Placement):
        raise InvalidInput(f"a placement is a Placement, not {type(placement).__name__}")
    if placement.to is not None and placement.home is not None:
        raise InvalidInput("a checkout goes to one place: either a folder or a home")
    for old, new in placement.paths:
        for path in (old, new):
            if not os.path.isabs(path) or "\0" in path or os.path.normpath(path) != path:
                raise InvalidInput(
                    f"{path!r} is no absolute path of a folder",
                    hint="map it as /OLD/FOLDER=/NEW/FOLDER, without . and ..",
                )
    if len({old for old, _ in placement.paths}) < len(placement.paths):
        raise InvalidInput("a folder is mapped twice")


def find_message(view: View, wanted: str) -> str:
    """The id of the message that `wanted` is the id or the number of, or that alone begins with it.

    An agent's records of its own are no messages: after one, before anything was said, no agent goes on. Raises
    `NotFound`, `InvalidInput`.
    """
    found: list[str] = []
    hint = f"`ctx search` shows ids, `ctx show {view.ref} --json` has all of them; a number counts from 0"
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
        raise InvalidInput(f"{wanted!r} is a record of the agent's own, no message", hint=hint)
    if at:
        return at.id
    if len(found) > 1:
        raise InvalidInput(f"{wanted!r} begins the ids of {len(found)} messages: {found[0]}, {found[1]} …")
    if not found:
        raise NotFound(f"{view.ref} has no message {wanted!r}", hint=hint)
    return found[0]
