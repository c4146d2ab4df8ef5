"""The rule that decides which records are messages, their roles, and their parents, for the parser and the scanner.

Gemini CLI only appends. A changed message is written again under its id. A rewind names the first message to undo. A
list of all messages replaces the previous ones. A message counts at the first occurrence of its id, and repetitions are
``meta``. A message without an id counts wherever it is: in a list, its place is its id. Messages that a rewind or a
list undid stay. The next message then has an earlier parent, which makes the undone ones a branch.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from ctxstore.sources.gemini.content import decode, plain_text
from ctxstore.sources.gemini.records import GeminiElement, GeminiLine, elements_of, update_of
from ctxstore.sources.jsonl.lenient_json import DECODE_ERRORS

_REMEMBERED = 1 << 17
"""The number of messages whose ids are kept. A message that is repeated after more than these counts again."""

_ROLES = {"user": "user", "gemini": "assistant", "model": "assistant"}
_CONTEXT = ("<session_context>", "<hook_context>")
"""The beginnings of texts that Gemini CLI wrote in the user's name. It drops them when it resumes a session."""

_SNAPSHOT = "<state_snapshot>"
"""A text of the user with this is the summary that Gemini CLI made of what it compressed."""


class ThreadVerdict(NamedTuple):
    """The meaning of a record, or of a member of its list. `is_new`: the message's id occurs for the first time."""

    role: str
    id: str | None = None
    parent: str | None = None
    is_new: bool = False


META = ThreadVerdict("meta")


class GeminiThread:
    """Decides the meaning of each record from the records before it.

    Without `is_whole`, the start of the file is missing. Then the members of a list may repeat earlier messages, and
    none of them counts.
    """

    def __init__(self, *, is_whole: bool = True) -> None:
        self._is_whole = is_whole
        self._known: dict[str, ThreadVerdict] = {}
        self._tip: str | None = None
        self._answered: frozenset[str] = frozenset()
        self._texts: set[int] = set()
        self._repeated: set[str] = set()
        self._is_compressing = False

    def judge(self, line: GeminiLine) -> ThreadVerdict:
        """Returns the meaning of a record. `judge_list` does this for the members of its list."""
        if update_of(line):
            self._is_compressing = False
        if isinstance(line.rewind_to, str):
            undone = self._known.get(line.rewind_to)
            self._tip = undone.parent if undone else None
            return META
        if isinstance(line.id, str) and line.id:
            return self._judge(line, line.id)
        if not _is_unnamed_message(line) or update_of(line):
            return META
        self._note_answers(line)
        return ThreadVerdict(_role_of(line, self._answered), None, self._tip, is_new=True)

    def judge_list(self, line: GeminiLine) -> list[ThreadVerdict]:
        """Returns the meaning of each member of a record's list of messages; empty if it has no list."""
        if isinstance(line.rewind_to, str) or isinstance(line.id, str):
            return []
        update = update_of(line)
        elements = elements_of(update.messages) if update else []
        if not elements or not self._is_whole:
            return []
        self._tip = None
        verdicts = [self._judge_member(element, place) for place, element in enumerate(elements)]
        self._is_compressing = False
        return verdicts

    def _judge_member(self, element: GeminiElement, place: int) -> ThreadVerdict:
        id = element.id if isinstance(element.id, str) else ""
        if not id and not _is_unnamed_message(element):
            return META
        id = id or f"@m{place}"
        verdict = self._judge(element, id)
        if id not in self._repeated:
            self._tip = id
        return verdict

    def _settle_role(self, element: GeminiElement, role: str) -> str:
        """Returns the role of a message that may be of a compression: ``system`` for its summary.

        Gemini CLI writes the summary in the user's name, then its own answer, then the messages that it keeps, under
        new ids. A list of all of these ends them. If it is missing, the next text that is new does.
        """
        if role != "user":
            return role
        text = plain_text(decode(element.said))
        if _SNAPSHOT in text:
            self._is_compressing = True
            return "system"
        if text and hash(text) not in self._texts:
            self._is_compressing = False
            if len(self._texts) > _REMEMBERED:
                self._texts.clear()
            self._texts.add(hash(text))
        return role

    def _note_answers(self, element: GeminiElement) -> None:
        if isinstance(element.type, str) and _ROLES.get(element.type) == "assistant":
            self._answered = _answered_by(element)

    def _judge(self, element: GeminiElement, id: str) -> ThreadVerdict:
        self._note_answers(element)
        known = self._known.get(id)
        if known:
            return known
        role, parent = self._settle_role(element, _role_of(element, self._answered)), self._tip
        if self._is_compressing and role != "system":
            self._repeated.add(id)
            self._known[id] = ThreadVerdict("meta", id, parent)
            return self._known[id]
        self._known[id] = ThreadVerdict(role, id, parent)
        if len(self._known) > _REMEMBERED:
            del self._known[next(iter(self._known))]
        self._tip = id
        return ThreadVerdict(role, id, parent, is_new=True)


def _is_unnamed_message(element: GeminiElement) -> bool:
    is_named = isinstance(element.id, str) and bool(element.id)
    return not is_named and isinstance(element.type, str) and element.type in _ROLES and bool(element.said)


class _Response(msgspec.Struct, gc=False):
    id: Any = None


class _Piece(msgspec.Struct, gc=False):
    text: Any = None
    functionResponse: _Response | None = None


class _Call(msgspec.Struct, gc=False):
    id: Any = None
    result: msgspec.Raw = msgspec.Raw(b"")


_NONE = (b"", b"null")
_pieces = msgspec.json.Decoder(list[_Piece])
_calls = msgspec.json.Decoder(list[_Call])


def _role_of(element: GeminiElement, answered: frozenset[str]) -> str:
    """Returns a message's role. Tool outputs are ``meta`` if the calls in `answered` already contain them."""
    role = _ROLES.get(element.type, "meta") if isinstance(element.type, str) else "meta"
    if role != "user":
        return role
    try:
        pieces = _pieces.decode(element.said)
    except DECODE_ERRORS:  # a text
        text = decode(element.said)
        return "meta" if isinstance(text, str) and text.lstrip().startswith(_CONTEXT) else role
    responses = [piece.functionResponse for piece in pieces if piece.functionResponse]
    if pieces and len(responses) == len(pieces):
        calls = (response.id for response in responses)
        return "meta" if all(isinstance(call, str) and call in answered for call in calls) else "tool"
    first = pieces[0].text if pieces else None
    return "meta" if isinstance(first, str) and first.lstrip().startswith(_CONTEXT) else role


def _answered_by(element: GeminiElement) -> frozenset[str]:
    """Returns the ids of those tool calls of a message that also contain the tools' outputs."""
    if not element.toolCalls:
        return frozenset()
    try:
        calls = _calls.decode(element.toolCalls)
    except DECODE_ERRORS:
        return frozenset()
    return frozenset(call.id for call in calls if isinstance(call.id, str) and bytes(call.result) not in _NONE)
