"""The summary of a Continue session."""

from __future__ import annotations

from ctxstore.sources.continue_dev.records import FOLDER, KEY, facts_of, path_of
from ctxstore.sources.continue_dev.transcript import iter_messages
from ctxstore.sources.document.messages import HEAD, TAIL
from ctxstore.sources.document.scanner import DocumentScanner
from ctxstore.sources.protocol import Attributes, Message
from ctxstore.sources.summary import SessionSummary, one_line

_UNTITLED = frozenset({"", "New Session", "Untitled Session"})


def make_scanner(before: Attributes | None = None) -> DocumentScanner:
    """A scanner of a session, which is one document: what was added to it can't be read by itself."""
    return DocumentScanner(iter_messages, _ContinueSummary("Continue"), before)


class _ContinueSummary(SessionSummary):
    """Title, model and folder are members of the document, before its history or after it."""

    def __init__(self, agent: str) -> None:
        super().__init__(agent)
        self._facts: dict[str, str] = {}

    def add(self, message: Message) -> None:
        """Add the next message."""
        if message.id == HEAD:
            self._facts |= facts_of(message.raw)
        elif message.id == TAIL:
            self._facts |= facts_of(b'{"%s":[' % KEY.encode() + message.raw)
        elif message.role == "assistant":
            self.model = message.model or self.model
        elif message.role == "user":
            self.set_title(message.parts)

    def attributes(self) -> Attributes:
        """The attributes of all messages so far."""
        title = one_line(self._facts.get("title"))
        self.own_title = "" if title in _UNTITLED else title
        self.model = self.model or self._facts.get("chatModelTitle") or None
        self.project = path_of(self._facts.get(FOLDER, "")) or None
        return super().attributes()
