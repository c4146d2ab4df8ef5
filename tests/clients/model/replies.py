"""The replies of the model and the turns it receives, in one form for all clients."""

from __future__ import annotations

from typing import Any, NamedTuple


class Turn(NamedTuple):
    """A turn: `role` is user | assistant | call (a tool's name) | result (the tool's output)."""

    role: str
    text: str


class Say(NamedTuple):
    """A reply with a text."""

    text: str


class Call(NamedTuple):
    """A reply that calls one of the client's tools."""

    tool: str
    arguments: dict[str, Any]


Reply = Say | Call


class Answer(NamedTuple):
    """The HTTP response: a document, or a stream of server-sent events (name, data)."""

    document: Any = None
    events: tuple[tuple[str | None, Any], ...] = ()


def said(role: str, text: str, surroundings: tuple[str, ...] = ()) -> list[Turn]:
    """Makes a turn. Returns no turn for an empty text, or for one in which a client describes its environment."""
    text = text.strip()
    return [Turn(role, text)] if text and not text.startswith(surroundings or "\0") else []
