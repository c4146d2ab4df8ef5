"""Look-up of one message of a commit by its id, the start of its id, or its number."""

from __future__ import annotations

import re
import sys
from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from ctxstore.errors import InvalidInput, NotFound, require_text
from ctxstore.ops.content.conversation import iter_messages, iter_subagent, iter_subagents
from ctxstore.ops.content.view import View
from ctxstore.sources.protocol import Message

NUMBER = re.compile(r"[0-9]{1,9}\Z")
"""A message's number in its commit, counted from 0."""


_LEAST = 4
"""The characters of an id that name a subagent's message."""


class NumberedMessage(NamedTuple):
    """A message and its number in its transcript, counted from 0.

    `is_match` marks the message that was searched for, as opposed to its neighbours. `path` is the subagent's
    transcript that contains it; empty: the context's own one.
    """

    number: int
    message: Message
    is_match: bool
    path: str = ""


def find_messages(view: View, name: str, around: int = 0) -> list[NumberedMessage]:
    """Finds the message called `name`. Returns it with up to `around` messages before and after it, in order.

    `name` is read first as a whole id, then as a number, then as the start of an id. If the context's own messages have
    no such name, it is read as the id of a subagent's message. Raises `NotFound` if there is no such message,
    `InvalidInput` if `name` is ambiguous or an argument is not valid.
    """
    require_text(name, "a message's name")
    if not isinstance(around, int) or around < 0:
        raise InvalidInput(f"{around!r} is not a number of messages", hint="use an integer, 0 or more")
    if not name:
        raise InvalidInput(f"{view.ref}# names no message", hint="write its id or its number after the #")
    path, number = _locate(view, name)
    messages = iter_subagent(view, path) if path else iter_messages(view)
    first = max(0, number - around)
    return [
        NumberedMessage(at, message, at == number, path)
        for at, message in enumerate(islice(messages, first, min(number + around + 1, sys.maxsize)), first)
    ]


def _locate(view: View, name: str) -> tuple[str, int]:
    """Returns (path of the subagent's transcript or "", number) of a message. Raises `NotFound`, `InvalidInput`."""
    try:
        return "", _number_of(view, name)
    except NotFound:
        for path, messages in iter_subagents(view):
            for number, message in enumerate(messages):
                if message.id == name or (len(name) >= _LEAST and message.id.startswith(name)):
                    return path, number
        raise


class _NumberedId(NamedTuple):
    """A message's number and id."""

    number: int
    id: str


def _number_of(view: View, name: str) -> int:
    """Returns the number of the message called `name`. Raises `NotFound`, `InvalidInput`."""
    wanted = int(name) if NUMBER.match(name) else None
    count, candidates = 0, deque[_NumberedId](maxlen=2)
    for number, id in _iter_ids(view):
        if id == name:
            return number
        if id.startswith(name) and (not candidates or candidates[-1].id != id):
            candidates.append(_NumberedId(number, id))
        count = number + 1
    if wanted is not None and wanted < count:
        return wanted
    if len(candidates) > 1:
        shown = ", ".join(each.id for each in candidates)
        raise InvalidInput(f"message {name!r} is ambiguous: {shown}, …", hint="write more of the id")
    if not candidates:
        raise NotFound(
            f"no message {name!r} in {view.ref} at commit {view.id.hex()[:8]}, which has {count:,} messages",
            hint=f"`ctx search` shows ids; numbers range from 0 to {max(0, count - 1)}",
        )
    return candidates[0].number


def _iter_ids(view: View) -> Iterator[_NumberedId]:
    for number, message in enumerate(iter_messages(view)):
        yield _NumberedId(number, message.id)
