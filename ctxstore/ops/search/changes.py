"""The messages that a commit adds and removes, compared with the commit before it. Reads only what differs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ctxstore.history.engine import Engine
from ctxstore.ops.content.conversation import iter_messages, iter_subagents
from ctxstore.ops.content.transcript_changes import changed_messages, changed_subagents
from ctxstore.ops.content.view import View
from ctxstore.sources.protocol import Message


class MessageChanges(NamedTuple):
    """The messages of one transcript that a commit adds and removes. `path` is a subagent's file, or else empty."""

    path: str
    added: Iterable[Message]
    removed: Iterable[Message]


def all_messages(view: View) -> Iterator[MessageChanges]:
    """Yields the changes of a first commit: all its messages are added. They are read one at a time."""
    yield MessageChanges("", iter_messages(view), ())
    for path, messages in iter_subagents(view):
        yield MessageChanges(path, messages, ())


def message_changes(engine: Engine, before: View, view: View) -> Iterator[MessageChanges]:
    """Compares the messages of `view` with those of the commit before it."""
    removed, added = changed_messages(engine, before, view)
    yield MessageChanges("", added, removed)
    for path, old, new in changed_subagents(engine, before, view):
        yield MessageChanges(path, new, old)
