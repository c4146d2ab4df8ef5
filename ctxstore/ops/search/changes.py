"""What a commit adds to and takes from its parent's messages, reading only what differs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ctxstore.history.engine import Engine
from ctxstore.ops.content.conversation import iter_messages
from ctxstore.ops.content.diff import changed_messages
from ctxstore.ops.content.view import View
from ctxstore.sources.protocol import Message


class MessageChanges(NamedTuple):
    """Messages that are new, and those that are gone."""

    added: Iterable[Message]
    removed: Iterable[Message]


def first_step(view: View) -> MessageChanges:
    """All messages of a commit, one at a time."""
    return MessageChanges(iter_messages(view), ())


def next_step(engine: Engine, before: View, view: View) -> MessageChanges:
    """What differs from the commit before."""
    removed, added = changed_messages(engine, before, view)
    return MessageChanges(added, removed)
