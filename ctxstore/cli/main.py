"""The entry point: finds the command, runs it, and converts errors into exit codes.

``ctx --help`` prints the table below and imports no command, because imports would dominate its run time.
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

from ctxstore.cli.errors import report_error
from ctxstore.cli.invocation import Invocation, common_options
from ctxstore.cli.render.printable import discard_stdout, prepare_streams

COMMANDS = {
    "init": "Create a repository.",
    "sources": "List the agents found here, and what is not saved yet.",
    "snapshot": "Save what changed in agents' sessions or in a folder.",
    "watch": "Save changes as they happen.",
    "log": "List the runs of ctx, or the commits of a context.",
    "show": "Show a conversation, a message, a file or a run.",
    "search": "Search the messages of all sessions and their history.",
    "secrets": "Find credentials in messages and files.",
    "diff": "Compare two revisions: messages, memories and files.",
    "checkout": "Restore a session, byte for byte.",
    "export": "Export a session as JSON, JSON lines or Markdown.",
    "install": "Make an agent save its sessions automatically.",
    "uninstall": "Remove what `ctx install` added to an agent's settings.",
    "hook": "Handle an event of an agent. Called by agents.",
    "aider": "Run aider with commands that save and load its chat.",
    "refs": "List the contexts.",
    "tag": "Tag a commit, or list the tags.",
    "fork": "Create a context that starts at a revision.",
    "merge": "Merge two revisions into a context.",
    "rename": "Rename a context.",
    "drop": "Remove contexts from the list; `ctx undo` restores them.",
    "op": "List the runs of ctx, and show what each one changed.",
    "undo": "Undo a run.",
    "forget": "Remove old commits by a retention policy.",
    "policy": "Name retention policies, and apply one after snapshots.",
    "stats": "Show how much is stored, and how much space it takes.",
    "gc": "Delete unreachable objects and free their space.",
    "check": "Verify that no stored data is missing or damaged.",
    "repair": "Recover what is readable in a damaged repository.",
    "recover": "List unreachable commits.",
    "demo": "Take a guided tour in a temporary folder.",
    "completion": "Print a shell completion script.",
}
"""The commands in the order of the help. The module `ctxstore.cli.commands.<name>` defines each as ``command``."""


class Commands(click.Group):
    """A command group that imports a command's module on first use."""

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
        except BrokenPipeError:  # from --help, which prints while arguments are parsed
            discard_stdout()
            raise click.exceptions.Exit(0) from None

    def invoke(self, ctx: click.Context) -> Any:
        try:
            code = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            discard_stdout()  # the reader closed the pipe: not an error
            return 0
        except KeyboardInterrupt:
            raise click.Abort from None  # otherwise click prints a line
        return code

    def main(self, args: Any = None, *_: Any, **extra: Any) -> Any:
        """Runs a command line, and exits with its exit code."""
        arguments = list(sys.argv[1:] if args is None else args)
        prepare_streams()
        sys.exit(run_command_line(self, arguments))


def run_command_line(group: click.Group, arguments: list[str]) -> int:
    """Runs a command line, and returns its exit code."""
    invocation = Invocation()
    try:
        code = click.Group.main(group, arguments, "ctx", standalone_mode=False, obj=invocation)
        return code if isinstance(code, int) else 0
    except (Exception, KeyboardInterrupt) as error:
        # If parsing failed, `output.json` may not be set yet.
        as_json = invocation.output.json or "--json" in arguments
        return report_error(error, as_json=as_json)


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
@common_options
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Save, search and restore the sessions of your AI agents.

    Start with `ctx snapshot`, or take the tour with `ctx demo`.

    A context is one versioned item: an agent's session, its memory or settings, or a folder. A revision (REV) names
    one commit of a context:

    \b
      REF               the newest commit; REF is the context's name, or the end of it
      REF~2             two commits earlier
      REF@{yesterday}   the state at a time; quote it for the shell
      tag:NAME          a tagged commit
      1a2b3c4d          the first digits of a commit's id
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def main() -> None:
    """Runs ``ctx`` with the arguments of the process, and exits."""
    gc.set_threshold(100_000)  # a short run creates little garbage, and collecting it costs 10 ms
    try:
        cli.main()
    except SystemExit as end:
        # A second Ctrl-C, while threads finish, ends the process silently.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        _exit_fast(end.code if isinstance(end.code, int) else 0)


def _exit_fast(code: int) -> None:
    """Exits without the interpreter's clean-up, which would cost 30 ms of a run of 150 ms."""
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
