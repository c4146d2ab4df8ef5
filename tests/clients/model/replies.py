"""What the model says, and what it was told, whatever a client calls the two."""

from __future__ import annotations

from typing import Any, NamedTuple


class Turn(NamedTuple):
    """One thing said: `role` is user | assistant | call (a tool's name) | result (what the tool gave)."""

    role: str
    text: str


class Say(NamedTuple):
    """The model answers with a text."""

    text: str


class Call(NamedTuple):
    """The model calls one of the client's tools."""

    tool: str
    arguments: dict[str, Any]


Reply = Say | Call


class Answer(NamedTuple):
    """What goes back over HTTP: a document, or a stream of server-sent events (name, data)."""

    document: Any = None
    events: tuple[tuple[str | None, Any], ...] = ()


def said(role: str, text: str, surroundings: tuple[str, ...] = ()) -> list[Turn]:
    """A turn, unless there is nothing in it, or it is what a client tells of its surroundings."""
    text = text.strip()
    return [Turn(role, text)] if text and not text.startswith(surroundings or "\0") else []
