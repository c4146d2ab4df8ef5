"""One message of a commit: by its id, by the start of its id, or by its number."""

from __future__ import annotations

import re
import sys
from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from ctxstore.errors import InvalidInput, NotFound, require_text
from ctxstore.ops.content.conversation import iter_messages
from ctxstore.ops.content.view import View
from ctxstore.sources.protocol import Message

NUMBER = re.compile(r"[0-9]{1,9}\Z")
"""A message's number, from 0."""


class NumberedMessage(NamedTuple):
    """A message and its number in the commit, from 0; `is_meant`: it is the one that was asked for."""

    number: int
    message: Message
    is_meant: bool


def find_messages(view: View, name: str, around: int = 0) -> list[NumberedMessage]:
    """The message called `name`, with `around` messages before and after it.

    Its whole id goes before a number, and a number before the start of an id. Raises `NotFound`, `InvalidInput`.
    """
    require_text(name, "a message's name")
    if not isinstance(around, int) or around < 0:
        raise InvalidInput(f"{around!r} is no number of messages", hint="0, or more")
    if not name:
        raise InvalidInput(f"{view.ref}# names no message", hint="write its id or its number after the #")
    number = _number_of(view, name)
    first = max(0, number - around)
    return [
        NumberedMessage(at, message, at == number)
        for at, message in enumerate(islice(iter_messages(view), first, min(number + around + 1, sys.maxsize)), first)
    ]


def _number_of(view: View, name: str) -> int:
    wanted = int(name) if NUMBER.match(name) else None
    count, starting = 0, deque[tuple[int, str]](maxlen=2)
    for number, id in _ids(view):
        if id == name:
            return number
        if id.startswith(name) and (not starting or starting[-1][1] != id):
            starting.append((number, id))
        count = number + 1
    if wanted is not None and wanted < count:
        return wanted
    if len(starting) > 1:
        shown = ", ".join(id for _, id in starting)
        raise InvalidInput(f"message {name!r} is ambiguous: {shown}, …", hint="write more of the id")
    if not starting:
        what = f"{view.ref} at {view.id.hex()[:8]} has {count:,} messages, and none is {name!r}"
        raise NotFound(what, hint=f"`ctx search` shows ids; a number is from 0 to {max(0, count - 1)}")
    return starting[0][0]


def _ids(view: View) -> Iterator[tuple[int, str]]:
    for number, message in enumerate(iter_messages(view)):
        yield number, message.id
