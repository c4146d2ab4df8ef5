"""Records of tasks: the elements of a history, however damaged they are.

They have three shapes: messages as Anthropic's API takes them, with the agent's own fields beside
(``api_conversation_history.json``, ``<session>.messages.json``); the same with the parts of the AI SDK (Roo Code's
version 2); the messages of the window (``ui_messages.json``).
"""

from __future__ import annotations

from typing import Any

import msgspec

from ctxstore.sources.jsonl.reader import RecordReader


class TaskRecord(msgspec.Struct, gc=False):
    """An element of the history. All may have any type: formats change."""

    role: Any = None
    content: Any = None
    id: Any = None
    ts: Any = None
    type: Any = None
    modelInfo: Any = None
    model: Any = None
    summary: Any = None
    say: Any = None
    ask: Any = None
    text: Any = None
    reasoning: Any = None


read = RecordReader(TaskRecord).decode
"""The record of an element; ``None`` if it is no JSON object."""
