"""Adds the commands to aider's own, in both spellings: ``/context_backup`` and ``/context-backup``."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable
from typing import Any

from .backup_command import CommandWords, backup, create
from .current_chat import files_of, project_of
from .find_backup import backup_files
from .load_command import load
from .problem import CommandProblem
from .prompt import Prompt
from .show_command import show
from .store import Store, parse_settings

CommandAction = Callable[[Any, Prompt, Store, CommandWords], "dict[str, Any] | None"]

COMMANDS: dict[str, tuple[CommandAction, str, frozenset[str]]] = {
    "context_backup": (
        backup,
        "Save this chat as a commit: messages, files, model ([NAME] [--json])",
        frozenset({"--json"}),
    ),
    "context_show": (show, "Show what a backup of this chat would save", frozenset()),
    "context_load": (load, "List the backups, or go on from one ([NAME|FILE] [--files])", frozenset({"--files"})),
    "context_create": (
        create,
        "Make a new context of chosen messages and files (NAME 1-4,7 [FILE]… [--json])",
        frozenset({"--json"}),
    ),
}

COMPLETION_SECONDS = 3.0


def register(settings: str) -> None:
    """Put the commands on aider's class. A subclass would be lost: ``Commands.clone`` makes the class itself."""
    store = parse_settings(settings)  # before aider has changed the environment
    from aider.commands import Commands, SwitchCoder

    for name, (action, help, options) in COMMANDS.items():
        setattr(Commands, f"cmd_{name}", _command(name, action, options, store, SwitchCoder))
        getattr(Commands, f"cmd_{name}").__doc__ = help
        setattr(Commands, f"completions_{name}", _quietly(_completions(name, options, store)))
    Commands.get_commands = _both_spellings(Commands.get_commands)


def _both_spellings(get_commands: Callable[[Any], list[str]]) -> Callable[[Any], list[str]]:
    """aider turns every _ of a command's name into -; what it matches and completes it takes from this list."""

    def both(self: Any) -> list[str]:
        return [*get_commands(self), *(f"/{name}" for name in COMMANDS)]

    return both


def _command(
    name: str, action: CommandAction, options: frozenset[str], store: Store, switch: Any
) -> Callable[[Any, str], None]:
    """A method for aider's class: whatever goes wrong is told, and aider goes on."""

    def command(self: Any, args: str = "") -> None:
        prompt = Prompt(self.io)
        try:
            changes = action(self.coder, prompt, store, parse_words(args or "", options))
        except CommandProblem as problem:
            prompt.fail(f"{name}: {problem.message}", problem.hint)
            return
        except Exception as error:  # an error of ours must not take the chat along
            prompt.fail(f"{name}: {type(error).__name__}: {error}", "This is a bug in ctx; the chat goes on.")
            return
        if changes:
            raise switch(**changes)

    return command


def parse_words(args: str, options: frozenset[str]) -> CommandWords:
    """The arguments of a command. Raises `CommandProblem`."""
    try:
        words = shlex.split(args)
    except ValueError:
        raise CommandProblem("a quote is not closed") from None
    unknown = [word for word in words if word.startswith("--") and word not in options]
    if unknown:
        known = f"it has {' '.join(sorted(options))}" if options else "it has none"
        raise CommandProblem(f"there is no option {unknown[0]}", known)
    return CommandWords([word for word in words if word not in options], options.intersection(words))


def _quietly(find: Callable[[Any], Iterable[str]]) -> Callable[[Any], list[str]]:
    """A prompt in the middle of a line is no place for errors."""

    def complete(self: Any) -> list[str]:
        try:
            return list(find(self.coder))
        except Exception:
            return []

    return complete


def _completions(name: str, options: frozenset[str], store: Store) -> Callable[[Any], list[str]]:
    """Finds what may follow a command."""

    def find(coder: Any) -> list[str]:
        words: list[str] = []
        if name == "context_create":
            words = [file.path for file in files_of(coder)]
        elif name == "context_backup":
            words = [each for each in _names(coder, store) if "~" not in each]
        elif name == "context_load":
            words = _names(coder, store) + backup_files(project_of(coder))
        return sorted(options) + [shlex.quote(word) for word in words]

    return find


def _names(coder: Any, store: Store) -> list[str]:
    try:
        commits = store.ask("list", seconds=COMPLETION_SECONDS, project=project_of(coder))["commits"]
    except CommandProblem:
        return []
    return [each["name"] for each in commits]
