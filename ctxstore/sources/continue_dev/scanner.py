"""What a list of contexts shows of a session: what it says of itself, before its history or after it."""

from __future__ import annotations

import json

from ctxstore.sources.continue_dev.project_path import path_of
from ctxstore.sources.continue_dev.transcript import KEY
from ctxstore.sources.document.members import DECODE_ERRORS, members, text_of
from ctxstore.sources.document.messages import HEAD, TAIL
from ctxstore.sources.protocol import Attributes, Message
from ctxstore.sources.summary import one_line

_UNTITLED = frozenset({"", "New Session", "Untitled Session"})


class ContinueTally:
    """Title, model and project of one session."""

    def __init__(self) -> None:
        self._facts: dict[str, str] = {}
        self._first = self._model = ""

    def add(self, message: Message) -> None:
        """The next message."""
        if message.id == HEAD:
            self._note(message.raw)
        elif message.id == TAIL:
            self._note(b'{"%s":[' % KEY.encode() + message.raw)
        elif message.role == "assistant":
            self._model = message.model or self._model
        elif message.role == "user" and not self._first:
            texts = (one_line(part.text) for part in message.parts if part.kind == "text")
            self._first = next(filter(None, texts), "")

    def _note(self, document: bytes) -> None:
        text = text_of(document)
        for member in members(text):
            if member.key in ("title", "workspaceDirectory", "chatModelTitle"):
                try:
                    value = json.loads(document[member.start : member.end])
                except DECODE_ERRORS:
                    continue
                if isinstance(value, str):
                    self._facts[member.key] = value

    def attributes(self) -> Attributes:
        """What all of them say."""
        title = one_line(self._facts.get("title", ""))
        if title in _UNTITLED:
            title = self._first
        model = self._model or self._facts.get("chatModelTitle", "")
        project = path_of(self._facts.get("workspaceDirectory", ""))
        return Attributes(title or None, "Continue", model or None, project or None)
