"""The messages that a commit adds and removes, compared with the commit before it. Reads only what differs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ctxstore.history.engine import Engine
from ctxstore.ops.content.conversation import iter_messages
from ctxstore.ops.content.diff import changed_messages
from ctxstore.ops.content.view import View
from ctxstore.sources.protocol import Message


class MessageChanges(NamedTuple):
    """The messages that a commit adds and removes."""

    added: Iterable[Message]
    removed: Iterable[Message]


def all_messages(view: View) -> MessageChanges:
    """Returns the changes of a first commit: all its messages are added. They are read one at a time."""
    return MessageChanges(iter_messages(view), ())


def message_changes(engine: Engine, before: View, view: View) -> MessageChanges:
    """Compares the messages of `view` with those of the commit before it."""
    removed, added = changed_messages(engine, before, view)
    return MessageChanges(added, removed)
