"""What a list of contexts shows of a task: from its first message and its newest model."""

from __future__ import annotations

import re

from ctxstore.sources.document.messages import TAIL
from ctxstore.sources.protocol import Attributes, Message
from ctxstore.sources.summary import SessionSummary, one_line

_FOLDER = re.compile(r"# Current (?:Working|Workspace) Directory \((.+?)\) Files")
_MODEL = re.compile(r"<model>([^<]{1,200})</model>")
_DETAILS = "<environment_details>"
_TAGS = re.compile(r"</?(?:task|user_message|user_input|feedback|answer)(?: [^<>]{0,100})?>")
_PROMPT = re.compile(rb"Working Directory: ((?:[^\"\\]|\\\\)+)\\n")
"""In the newer Cline's instructions, which follow the messages as JSON."""
_LOOKED = 1 << 16
"""How much of a text is searched for where it was written."""


class TaskSummary(SessionSummary):
    """Title, model and project of one task. The project and, at Roo Code, the model are in what the agent tells the
    model about its surroundings, which comes with what the user wrote."""

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
