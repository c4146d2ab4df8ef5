"""The summary of a task: from its first message and its newest model."""

from __future__ import annotations

import re

from ctxstore.sources.document.messages import TAIL
from ctxstore.sources.document.scanner import DocumentScanner
from ctxstore.sources.protocol import Attributes, Message
from ctxstore.sources.summary import SessionSummary, one_line
from ctxstore.sources.tasks.transcript import iter_messages

_FOLDER = re.compile(r"# Current (?:Working|Workspace) Directory \((.+?)\) Files")
_MODEL = re.compile(r"<model>([^<]{1,200})</model>")
_DETAILS = "<environment_details>"
_TAGS = re.compile(r"</?(?:task|user_message|user_input|feedback|answer)(?: [^<>]{0,100})?>")
_PROMPT = re.compile(rb"Working Directory: ((?:[^\"\\]|\\\\)+)\\n")
"""The folder in the newer Cline's instructions, which follow the messages as JSON."""
_LOOKED = 1 << 16
"""Characters of a text that are searched for the surroundings."""


def make_scanner(agent: str, before: Attributes | None = None) -> DocumentScanner:
    """A scanner of a task's messages, which are one document: what was added can't be read by itself."""
    return DocumentScanner(iter_messages, TaskSummary(agent), before)


class TaskSummary(SessionSummary):
    """Title, model and project. The project and, for Roo Code, the model are in the agent's description of the
    surroundings, which it adds to the user's message."""

    _named = ""

    def add(self, message: Message) -> None:
        """Add the next message."""
        if message.id == TAIL and not self.project and (prompt := _PROMPT.search(message.raw)):
            self.project = prompt[1].replace(b"\\\\", b"\\").decode("utf-8", "surrogateescape")
        if message.role == "assistant":
            self.model = message.model or self.model
        if message.role not in ("user", "tool"):
            return
        for part in message.parts:
            if part.kind != "text":
                continue
            text = part.text.lstrip()
            if not text.startswith(_DETAILS):
                if not self.title and message.role == "user":
                    self.title = one_line(_TAGS.sub("", text.partition(_DETAILS)[0][:_LOOKED]).strip())
                continue
            self._surroundings(text[:_LOOKED])

    def _surroundings(self, text: str) -> None:
        if not self.project and (found := _FOLDER.search(text)):
            self.project = found[1]
        if found := _MODEL.search(text):
            self._named = found[1]

    def attributes(self) -> Attributes:
        """The attributes of all messages so far."""
        self.model = self.model or self._named or None
        return super().attributes()
