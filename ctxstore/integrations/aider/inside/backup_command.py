"""The commands ``/context_backup`` and ``/context_create``."""

from __future__ import annotations

import fnmatch
import re
from typing import Any, NamedTuple

from .current_chat import ChatFile, build_request, chat_files, chat_messages
from .problem import CommandProblem
from .prompt import Prompt, format_count, message_text, one_line
from .store import Store

DEFAULT = "context"
_NAME = re.compile(r"\w[\w.+-]{0,99}")
_SELECTION = re.compile(r"all|none|\d+(-\d+)?(,\d+(-\d+)?)*")


class CommandWords(NamedTuple):
    """The arguments of a command: plain words and options."""

    plain: list[str]
    options: frozenset[str]


def check_backup_name(name: str) -> str:
    """Returns the name of a backup, which becomes part of a context's and a file's name. Raises `CommandProblem`."""
    if not _NAME.fullmatch(name):
        raise CommandProblem(
            f"{name!r} is not a valid name for a backup", "use letters, digits and ._+- as in before-refactoring"
        )
    return name


def backup_chat(coder: Any, prompt: Prompt, store: Store, words: CommandWords) -> None:
    """Saves the whole chat."""
    if len(words.plain) > 1:
        raise CommandProblem("the name of a backup has no spaces", "for example `/context_backup before-refactoring`")
    name = check_backup_name(words.plain[0]) if words.plain else DEFAULT
    messages = chat_messages(coder)
    request = build_request(coder, messages, len(coder.done_messages), chat_files(coder))
    if "--json" in words.options:
        request |= {"folder": "context_backup", "stem": words.plain[0] if words.plain else "aider_context"}
    _report_saved(prompt, store.call("save", name=name, chat=request))


def backup_selection(coder: Any, prompt: Prompt, store: Store, words: CommandWords) -> None:
    """Saves selected messages and files under a new name. Without arguments, lists the messages and files."""
    messages, files = chat_messages(coder), chat_files(coder)
    if not words.plain:
        _list(prompt, messages, len(coder.done_messages), files)
        return
    if len(words.plain) < 2 or not _SELECTION.fullmatch(words.plain[1]):
        raise CommandProblem(
            "a new context needs a name and message numbers",
            "for example `/context_create parser 1-4,7 src/parser.py`; `/context_create` lists messages and files",
        )
    name = check_backup_name(words.plain[0])
    chosen = parse_selection(words.plain[1], len(messages))
    done = sum(number < len(coder.done_messages) for number in chosen)
    request = build_request(coder, [messages[number] for number in chosen], done, _select(files, words.plain[2:]))
    if "--json" in words.options:
        request |= {"folder": "context_create", "stem": name}
    _report_saved(prompt, store.call("save", name=name, chat=request, new=True))
    prompt.info(f"To continue from it: /context_load {name}")


def parse_selection(text: str, length: int) -> list[int]:
    """Parses numbers such as ``1-4,7`` into sorted indices without duplicates. Raises `CommandProblem`."""
    if text in ("all", "none"):
        return list(range(length if text == "all" else 0))
    chosen: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        low, high = _number(first, length), _number(last or first, length)
        if low > high:
            raise CommandProblem(f"{part} ends before it starts", f"for example {high}-{low}")
        chosen.update(range(low - 1, high))
    return sorted(chosen)


def _number(text: str, length: int) -> int:
    if len(text) > 9 or not 1 <= int(text) <= length:
        raise CommandProblem(
            f"message {text} does not exist",
            f"the chat has {format_count(length, 'message')}; `/context_create` lists them",
        )
    return int(text)


def _select(files: list[ChatFile], patterns: list[str]) -> list[ChatFile]:
    chosen = []
    for pattern in patterns:
        found = [file for file in files if file.path == pattern or fnmatch.fnmatchcase(file.path, pattern)]
        if not found:
            raise CommandProblem(f"{pattern} is not in the chat", "`/context_create` lists the files")
        chosen += found
    return [file for file in files if file in chosen]


def _list(prompt: Prompt, messages: list[Any], done: int, files: list[ChatFile]) -> None:
    for number, message in enumerate(messages, 1):
        role = message.get("role", "?") if isinstance(message, dict) else "?"
        mark = " " if number <= done else "*"
        prompt.info(f"{number:>5}{mark} {role:<9}  {one_line(message_text(message))}")
    for file in files:
        prompt.info(f"{'read' if file.access == 'read' else 'file':>5}  {file.path}")
    if done < len(messages):
        prompt.info("* message of the current turn, or of a turn without edits")
    prompt.info("To save some of them: /context_create NAME 1-4,7 [FILE]… (or `all` or `none` for the messages)")


def _report_saved(prompt: Prompt, answer: dict[str, Any]) -> None:
    for path, why in answer["unreadable"]:
        prompt.warn(f"only the name of {path} is saved: {why}")
    amounts = f"{format_count(answer['messages'], 'message')} and {format_count(answer['files'], 'file')}"
    prompt.info(f"Saved {amounts} as {answer['name']}: commit {answer['commit'][:8]}")
    if answer["file"]:
        prompt.info(f"Wrote {answer['file']}")
    if answer["failed"]:
        prompt.error(answer["failed"]["message"], answer["failed"]["hint"])
