"""Adds the commands of ctxstore to aider, in two spellings: ``/context_backup`` and ``/context-backup``."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable
from typing import Any

from .backup_command import CommandWords, backup_chat, backup_selection
from .current_chat import chat_files, project_folder
from .find_backup import backup_files
from .load_command import load_backup
from .problem import CommandProblem
from .prompt import Prompt
from .show_command import show_chat
from .store import Store, parse_settings

CommandAction = Callable[[Any, Prompt, Store, CommandWords], "dict[str, Any] | None"]

COMMANDS: dict[str, tuple[CommandAction, str, frozenset[str]]] = {
    "context_backup": (
        backup_chat,
        "Save this chat as a commit: messages, files, model ([NAME] [--json])",
        frozenset({"--json"}),
    ),
    "context_show": (show_chat, "Show what a backup of this chat would save", frozenset()),
    "context_load": (
        load_backup,
        "List the backups, or continue from one ([NAME|FILE] [--files])",
        frozenset({"--files"}),
    ),
    "context_create": (
        backup_selection,
        "Save selected messages and files as a new context (NAME 1-4,7 [FILE]… [--json])",
        frozenset({"--json"}),
    ),
}
"""The commands: function, help text, options."""

COMPLETION_SECONDS = 3.0


def register(settings: str) -> None:
    """Adds the commands to aider's class ``Commands``. A subclass would be lost, because aider clones the class."""
    store = parse_settings(settings)  # before aider changes the environment
    from aider.commands import Commands, SwitchCoder

    for name, (action, help, options) in COMMANDS.items():
        setattr(Commands, f"cmd_{name}", _command(name, action, options, store, SwitchCoder))
        getattr(Commands, f"cmd_{name}").__doc__ = help
        setattr(Commands, f"completions_{name}", _quietly(_completions(name, options, store)))
    Commands.get_commands = _both_spellings(Commands.get_commands)


def _both_spellings(get_commands: Callable[[Any], list[str]]) -> Callable[[Any], list[str]]:
    """Wraps aider's list of commands: adds the names with ``_``, because aider lists commands only with ``-``."""

    def both(self: Any) -> list[str]:
        return [*get_commands(self), *(f"/{name}" for name in COMMANDS)]

    return both


def _command(
    name: str, action: CommandAction, options: frozenset[str], store: Store, switch: Any
) -> Callable[[Any, str], None]:
    """Returns a method for aider's class. It reports every error at the prompt, so that the chat continues."""

    def command(self: Any, args: str = "") -> None:
        prompt = Prompt(self.io)
        try:
            changes = action(self.coder, prompt, store, parse_words(args or "", options))
        except CommandProblem as problem:
            prompt.error(f"{name}: {problem.message}", problem.hint)
            return
        except Exception as error:  # a bug in ctx must not end the chat
            prompt.error(f"{name}: a bug in ctx: {type(error).__name__}: {error}", "The chat is not affected.")
            return
        if changes:
            raise switch(**changes)

    return command


def parse_words(args: str, options: frozenset[str]) -> CommandWords:
    """Splits the arguments of a command into words and options. Raises `CommandProblem`."""
    try:
        words = shlex.split(args)
    except ValueError:
        raise CommandProblem("a quote is not closed") from None
    unknown = [word for word in words if word.startswith("--") and word not in options]
    if unknown:
        known = f"options: {' '.join(sorted(options))}" if options else "this command has no options"
        raise CommandProblem(f"unknown option {unknown[0]}", known)
    return CommandWords([word for word in words if word not in options], options.intersection(words))


def _quietly(find: Callable[[Any], Iterable[str]]) -> Callable[[Any], list[str]]:
    """Wraps a completion function to ignore errors, which would break the line that the user is typing."""

    def complete(self: Any) -> list[str]:
        try:
            return list(find(self.coder))
        except Exception:
            return []

    return complete


def _completions(name: str, options: frozenset[str], store: Store) -> Callable[[Any], list[str]]:
    """Returns a function that finds the completions after a command."""

    def find(coder: Any) -> list[str]:
        words: list[str] = []
        if name == "context_create":
            words = [file.path for file in chat_files(coder)]
        elif name == "context_backup":
            words = [each for each in _names(coder, store) if "~" not in each]
        elif name == "context_load":
            words = _names(coder, store) + backup_files(project_folder(coder))
        return sorted(options) + [shlex.quote(word) for word in words]

    return find


def _names(coder: Any, store: Store) -> list[str]:
    try:
        commits = store.call("list", timeout=COMPLETION_SECONDS, project=project_folder(coder))["commits"]
    except CommandProblem:
        return []
    return [each["name"] for each in commits]
