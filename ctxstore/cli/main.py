"""The entry point: finds the command, runs it, turns what goes wrong into an exit code.

``ctx --help`` answers from the table below and imports no command: start-up is part of how fast a tool is.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from importlib import import_module
from typing import Any

import click

from ctxstore.cli.errors import tell
from ctxstore.cli.invocation import Invocation, common
from ctxstore.cli.render.printable import discard_stdout, prepare_streams

COMMANDS = {
    "init": "Make a repository.",
    "sources": "List the agents found here, and what is not saved.",
    "snapshot": "Save what changed in your agents' data, or in a folder.",
    "watch": "Save what changes, as it changes.",
    "log": "List the runs, or the commits of a context.",
    "show": "Read a conversation or a file as it was.",
    "search": "Find messages by their words, in all of history.",
    "secrets": "Find credentials in messages and files.",
    "diff": "Show what changed: messages, memories, files.",
    "checkout": "Bring a context back, byte for byte.",
    "export": "Write a context as JSON, JSON lines or Markdown.",
    "install": "Let an agent save its sessions by itself.",
    "uninstall": "Take out of an agent's settings what install put there.",
    "hook": "What agents call, once they are set up.",
    "aider": "Run aider with commands that save and load its chat.",
    "refs": "List the contexts.",
    "tag": "Name a commit for good, or list the tags.",
    "fork": "Make a context that starts at a revision.",
    "merge": "Merge two revisions into a context.",
    "rename": "Give a context another name.",
    "drop": "Take contexts off the list; `ctx undo` restores them.",
    "op": "List what was done to the repository.",
    "undo": "Take back what was done.",
    "forget": "Let go of old commits, by rules or a policy.",
    "policy": "Give policies names; apply one after snapshots.",
    "stats": "Show what the repository holds, and what it takes.",
    "gc": "Free the space of what nothing refers to.",
    "check": "Verify that everything is there and whole.",
    "repair": "Save what can be saved of a damaged repository.",
    "recover": "List commits that no context and no tag reaches.",
    "demo": "Take a guided tour in a scratch folder.",
    "completion": "Print the shell completion script.",
}
"""Every command, in the order of the help. `ctxstore.cli.commands.<name>` has it, as ``command``."""


class Commands(click.Group):
    """Imports a command's module when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = import_module(f"ctxstore.cli.commands.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        try:
            return super().make_context(*args, **extra)
        except BrokenPipeError:  # of --help, which is printed while arguments are parsed
            discard_stdout()
            raise click.exceptions.Exit(0) from None

    def invoke(self, ctx: click.Context) -> Any:
        try:
            code = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            discard_stdout()  # who reads has seen enough
            return 0
        except KeyboardInterrupt:
            raise click.Abort from None  # before click writes a line of its own
        return code

    def main(self, args: Any = None, *_: Any, **extra: Any) -> Any:
        """Run a command line and exit with its code."""
        arguments = list(sys.argv[1:] if args is None else args)
        prepare_streams()
        sys.exit(run(self, arguments))


def run(group: click.Group, arguments: list[str]) -> int:
    """Run a command line; its exit code."""
    invocation = Invocation()
    try:
        code = click.Group.main(group, arguments, "ctx", standalone_mode=False, obj=invocation)
        return code if isinstance(code, int) else 0
    except (Exception, KeyboardInterrupt) as error:
        # The option may be what could not be parsed, so the words are looked at as well.
        as_json = invocation.output.json or "--json" in arguments
        return tell(error, as_json=as_json)


def _print_version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from ctxstore import __version__

        click.echo(f"ctx {__version__}")
        ctx.exit()


@click.group(cls=Commands, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Print the version.",
)
@common
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Snapshots of what your AI agents know, kept so that no session is ever lost.

    Start with `ctx snapshot`; `ctx demo` shows the rest.

    A revision, REV, is a context's name or the end of it; REF~2, two commits earlier; 'REF@{yesterday}' or of
    any time; tag:NAME; or the first digits of a commit's id.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def main() -> None:
    """The console script ``ctx``."""
    gc.set_threshold(100_000)  # a short run makes little garbage, and looking for it costs 10 ms
    try:
        cli.main()
    except SystemExit as end:
        # A second Ctrl-C, while threads come to their end, ends the process without a word.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        _leave(end.code if isinstance(end.code, int) else 0)


def _leave(code: int) -> None:
    """End the process at once: taking every module apart first would cost 30 ms of a run of 150."""
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        pass
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
