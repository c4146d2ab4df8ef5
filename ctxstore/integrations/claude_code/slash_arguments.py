"""The arguments of slash commands: words, quoted notes, sessions and backups.

A word that is none of what a command takes is refused. It is never taken for a note, or for all sessions: a command
that misreads ``dryrun`` could remove backups.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

from ctxstore.errors import InvalidInput, NotFound

CURRENT = "current"
KINDS = ("full", "incremental")
MIN_DIGITS = 8
"""The least characters of a session's id that name it."""

_WORD = re.compile(r'"((?:[^"\\]|\\.)*)"|\'([^\']*)\'|“([^”]*)”|(\S+)', re.DOTALL)
_ESCAPE = re.compile(r'\\(["\\])')
_COMMIT = re.compile(r"[0-9a-f]{6,64}")

FindSessions = Callable[[str], Iterable[str]]
"""Finds the contexts of the sessions whose ids start with a text."""


class Word(NamedTuple):
    """A word of the arguments. A quoted one can only be a note."""

    text: str
    is_quoted: bool = False


def split_words(args: object, limit: int) -> list[Word]:
    """Splits the arguments of a command into words. Quotes of each kind make one word, also curly ones."""
    text = args[:limit] if isinstance(args, str) else ""
    text = text.replace("\0", " ").encode("utf-8", "replace").decode()  # valid as a process argument
    words = []
    for double, single, curly, plain in _WORD.findall(text):
        quoted = _ESCAPE.sub(r"\1", double) or single or curly
        if plain or quoted:
            words.append(Word(plain or quoted, not plain))
    return words


class Arguments:
    """The arguments of one command, taken from the left. `current` is the context of the session they were typed in."""

    def __init__(self, words: list[Word], current: str, find: FindSessions) -> None:
        self._words = list(words)
        self._current = current
        self._find = find

    def take_session(self, others: str = "") -> str:
        """Takes a session's id or ``current``, and returns its context. Without one, returns the current session.

        Raises `NotFound` for an unknown id. `others` names what else the next word may be.
        """
        word = self._next()
        if not word:
            return self._current_session()
        if word == CURRENT:
            self._words.pop(0)
            return self._current_session()
        found = self._find_sessions(word)
        if not found and self._is_other(word, others):
            return self._current_session()
        name = _only(found, word, others)
        self._words.pop(0)
        return name

    def _find_sessions(self, word: str) -> list[str]:
        """Returns the contexts of a session's id, or else of the ids that start with it."""
        found = sorted(set(self._find(word))) if len(word) >= MIN_DIGITS and not word.startswith("-") else []
        return [name for name in found if name.rpartition("/")[2] == word] or found

    @staticmethod
    def _is_other(word: str, others: str) -> bool:
        """Whether the word is of another kind that the command takes."""
        return (word in KINDS and "type" in others) or (bool(_COMMIT.fullmatch(word)) and "backup" in others)

    def _current_session(self) -> str:
        if "/" in self._current:
            return self._current
        if not self._current:
            raise InvalidInput("the current session is unknown", hint="give a session's id")
        return _only(self._find_sessions(self._current), self._current, "")

    def take_kind(self) -> str | None:
        """Takes a type of backup, if it is the next word."""
        return self._words.pop(0).text if self._next() in KINDS else None

    def take_backup(self) -> str:
        """Takes the id of a backup, if there is a word, and returns it. Raises `InvalidInput` for any other word."""
        word = self._next()
        if not word:
            return ""
        if not _COMMIT.fullmatch(word):
            raise InvalidInput(f"{word!r} is no id of a backup", hint="`/session:list-backups` lists them")
        self._words.pop(0)
        return word

    def take_note(self, *, is_after_kind: bool) -> str:
        """Takes the rest as a note. It must be quoted, unless the type of the backup stands before it."""
        words, self._words = self._words, []
        if len(words) > 1 and words[0].is_quoted:
            raise InvalidInput(f"{words[1].text!r} after the note is not understood", hint="put the note last")
        if words and not words[0].is_quoted and (not is_after_kind or words[0].text.startswith("-")):
            raise InvalidInput(
                f"{words[0].text!r} is no session, no type and no option",
                hint='the types are full and incremental; quote a note: "before the refactoring"',
            )
        return " ".join(word.text for word in words)

    def take_option(self, *names: str) -> bool:
        """Takes one of the names of an option anywhere among the words. Returns whether one was found."""
        left = [word for word in self._words if word.is_quoted or word.text not in names]
        is_given, self._words = len(left) < len(self._words), left
        return is_given

    def take_revision(self) -> str:
        """Takes a revision, if there is a word. Raises `InvalidInput` for an option."""
        word = self._next()
        if word.startswith("-"):
            raise InvalidInput(f"{word!r} is no revision, and this command has no options")
        return self._words.pop(0).text if word else ""

    def end(self, usage: str) -> None:
        """Raises `InvalidInput` if a word is left."""
        if self._words:
            raise InvalidInput(f"{self._words[0].text!r} is not understood", hint=f"usage: {usage}")

    def _next(self) -> str:
        """Returns the next word, or nothing if there is none or it is quoted."""
        return self._words[0].text if self._words and not self._words[0].is_quoted else ""


def _only(found: list[str], word: str, others: str) -> str:
    if len(found) > 1:
        raise InvalidInput(f"{word!r} is not unique: {', '.join(found[:5])}", hint="give more of the id")
    if not found:
        raise NotFound(f"{word!r} is no session{others}", hint="`ctx refs` in a terminal lists the sessions")
    return found[0]
