"""``/context_backup`` and ``/context_create``."""

from __future__ import annotations

import fnmatch
import re
from typing import Any, NamedTuple

from .current_chat import InChat, as_request, files_of, messages_of
from .problem import CommandProblem
from .prompt import Prompt, count, cut, text_of
from .store import Store

DEFAULT = "context"
_NAME = re.compile(r"\w[\w.+-]{0,99}")
_SELECTION = re.compile(r"all|none|\d+(-\d+)?(,\d+(-\d+)?)*")


class CommandWords(NamedTuple):
    """A command's arguments."""

    plain: list[str]
    options: frozenset[str]


def check_name(name: str) -> str:
    """The name of a backup: it becomes part of a context's name, and of a file's. Raises `CommandProblem`."""
    if not _NAME.fullmatch(name):
        raise CommandProblem(
            f"{name!r} is no name for a backup", "use letters, digits and ._+- such as before-refactoring"
        )
    return name


def backup(coder: Any, prompt: Prompt, store: Store, words: CommandWords) -> None:
    """Save the chat as it is."""
    if len(words.plain) > 1:
        raise CommandProblem("a backup has one name, without spaces", "such as `/context_backup before-refactoring`")
    name = check_name(words.plain[0]) if words.plain else DEFAULT
    messages = messages_of(coder)
    request = as_request(coder, messages, len(coder.done_messages), files_of(coder))
    if "--json" in words.options:
        request |= {"folder": "context_backup", "stem": words.plain[0] if words.plain else "aider_context"}
    _tell(prompt, store.ask("save", name=name, chat=request))


def create(coder: Any, prompt: Prompt, store: Store, words: CommandWords) -> None:
    """Save chosen messages and files under a new name; without arguments, list what there is to choose from."""
    messages, files = messages_of(coder), files_of(coder)
    if not words.plain:
        _list(prompt, messages, len(coder.done_messages), files)
        return
    if len(words.plain) < 2 or not _SELECTION.fullmatch(words.plain[1]):
        raise CommandProblem(
            "a new context needs a name and which messages it has",
            "such as `/context_create parser 1-4,7 src/parser.py`; `/context_create` lists what there is",
        )
    name = check_name(words.plain[0])
    chosen = parse_selection(words.plain[1], len(messages))
    done = sum(number < len(coder.done_messages) for number in chosen)
    request = as_request(coder, [messages[number] for number in chosen], done, _choose(files, words.plain[2:]))
    if "--json" in words.options:
        request |= {"folder": "context_create", "stem": name}
    _tell(prompt, store.ask("save", name=name, chat=request, new=True))
    prompt.say(f"/context_load {name} goes on from it.")


def parse_selection(text: str, length: int) -> list[int]:
    """``1-4,7`` as indices, each once, in the messages' order. Raises `CommandProblem`."""
    if text in ("all", "none"):
        return list(range(length if text == "all" else 0))
    chosen: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        low, high = _number(first, length), _number(last or first, length)
        if low > high:
            raise CommandProblem(f"{part} ends before it starts", f"such as {high}-{low}")
        chosen.update(range(low - 1, high))
    return sorted(chosen)


def _number(text: str, length: int) -> int:
    if len(text) > 9 or not 1 <= int(text) <= length:
        raise CommandProblem(
            f"there is no message {text}", f"there are {count(length, 'message')}; `/context_create` lists them"
        )
    return int(text)


def _choose(files: list[InChat], patterns: list[str]) -> list[InChat]:
    chosen = []
    for pattern in patterns:
        found = [file for file in files if file.path == pattern or fnmatch.fnmatchcase(file.path, pattern)]
        if not found:
            raise CommandProblem(f"{pattern} is not in the chat", "`/context_create` lists what is")
        chosen += found
    return [file for file in files if file in chosen]


def _list(prompt: Prompt, messages: list[Any], done: int, files: list[InChat]) -> None:
    for number, message in enumerate(messages, 1):
        role = message.get("role", "?") if isinstance(message, dict) else "?"
        mark = " " if number <= done else "*"
        prompt.say(f"{number:>5}{mark} {role:<9}  {cut(text_of(message))}")
    for file in files:
        prompt.say(f"{'read' if file.access == 'read' else 'file':>5}  {file.path}")
    if done < len(messages):
        prompt.say("* of the current turn, or of turns without edits")
    prompt.say("/context_create NAME 1-4,7 [FILE]… makes a new context of some; `all` and `none` are messages too.")


def _tell(prompt: Prompt, answer: dict[str, Any]) -> None:
    for path, why in answer["unreadable"]:
        prompt.warn(f"{path} is saved by its name only: {why}")
    what = f"{count(answer['messages'], 'message')} and {count(answer['files'], 'file')}"
    prompt.say(f"Saved {what} as {answer['name']}: commit {answer['commit'][:8]}")
    if answer["file"]:
        prompt.say(f"Wrote {answer['file']}")
    if answer["failed"]:
        prompt.fail(answer["failed"]["message"], answer["failed"]["hint"])
