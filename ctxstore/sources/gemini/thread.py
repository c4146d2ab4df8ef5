"""Which records are messages of their own, and what each follows. One rule, for the parser and for the scanner.

Gemini CLI appends: a message that changes is written again under its id, a rewind names the first message taken
back, and a list of all messages replaces those that were there. A message counts where its id is met first; what
repeats it is `meta`. What a rewind or a new list took back was said, and stays: what was said next follows the
message before it, so there are two branches, as `parent` tells.
"""

from __future__ import annotations

from typing import NamedTuple

from ctxstore.sources.gemini.content import answered_by, role_of
from ctxstore.sources.gemini.records import GeminiElement, GeminiLine, elements_of, update_of

_REMEMBERED = 1 << 17
"""How many messages' ids are kept. One that is repeated after so many others counts again."""


class ThreadVerdict(NamedTuple):
    """What a record, or a member of its list, is: `is_new`, the first that is written of a message."""

    role: str
    id: str | None = None
    parent: str | None = None
    is_new: bool = False


META = ThreadVerdict("meta")


class GeminiThread:
    """The messages met so far. `is_whole`: from the start of the file; else a list's members can't be told from those
    before, and none of them counts."""

    def __init__(self, *, is_whole: bool = True) -> None:
        self._is_whole = is_whole
        self._known: dict[str, ThreadVerdict] = {}
        self._tip: str | None = None
        self._answered: frozenset[str] = frozenset()

    def decode_pieces(self, line: GeminiLine) -> ThreadVerdict:
        """What a record is. The members of a list in it are judged by `judge_list`."""
        if isinstance(line.rewind_to, str):
            taken_back = self._known.get(line.rewind_to)
            self._tip = taken_back.parent if taken_back else None
            return META
        return self._judge(line) if isinstance(line.id, str) and line.id else META

    def judge_list(self, line: GeminiLine) -> list[ThreadVerdict]:
        """What the members of a list of messages in the record are; empty if it has none."""
        if isinstance(line.rewind_to, str) or isinstance(line.id, str):
            return []
        update = update_of(line)
        elements = elements_of(update.messages) if update else []
        if not elements or not self._is_whole:
            return []
        self._tip = None
        return [self._judge_member(element) for element in elements]

    def _judge_member(self, element: GeminiElement) -> ThreadVerdict:
        if not isinstance(element.id, str) or not element.id:
            return META
        verdict = self._judge(element)
        self._tip = element.id
        return verdict

    def _judge(self, element: GeminiElement) -> ThreadVerdict:
        if element.type == "gemini":
            self._answered = answered_by(element)
        id = element.id
        known = self._known.get(id)
        if known:
            return known
        role = role_of(element, self._answered)
        self._remember(ThreadVerdict(role, id, self._tip))
        self._tip = id
        return ThreadVerdict(role, id, self._known[id].parent, is_new=True)

    def _remember(self, verdict: ThreadVerdict) -> None:
        assert verdict.id is not None
        self._known[verdict.id] = verdict
        if len(self._known) > _REMEMBERED:
            del self._known[next(iter(self._known))]
