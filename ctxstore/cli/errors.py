"""Converts every exception into a message, a hint and an exit code. Documented in docs/cli.md."""

from __future__ import annotations

import os
import sys
from typing import NamedTuple

import click

from ctxstore.cli.render.output import has_color
from ctxstore.cli.render.printable import clean_line, discard_stdout, is_terminal
from ctxstore.errors import CtxstoreError, InvalidInput, StorageError

MAX_CHARACTERS = 2_000
"""The limit for a message or hint: errors quote text of any length."""

UNEXPECTED = 70
INTERRUPTED = 130


class CommandFailure(NamedTuple):
    """An error in the form in which it is reported."""

    type: str
    message: str
    hint: str
    exit_code: int


def explain(error: BaseException) -> CommandFailure:
    """Returns the failure to report for an exception."""
    failure = _explain(error)
    return failure._replace(message=_shortened(failure.message), hint=_shortened(failure.hint))


def _shortened(text: str) -> str:
    half = MAX_CHARACTERS // 2
    return text if len(text) <= MAX_CHARACTERS else f"{text[:half]} … {text[-half:]}"


def _explain(error: BaseException) -> CommandFailure:
    if isinstance(error, CtxstoreError):
        return CommandFailure(type(error).__name__, error.message, error.hint, error.exit_code)
    if isinstance(error, click.UsageError):
        path = error.ctx.command_path if error.ctx else "ctx"
        return CommandFailure(
            "UsageError", _click_message(error), f"`{path} --help` shows the usage", InvalidInput.exit_code
        )
    if isinstance(error, (click.Abort, KeyboardInterrupt)):
        return CommandFailure("Interrupted", "interrupted; the repository is undamaged", "", INTERRUPTED)
    if isinstance(error, click.ClickException):
        return CommandFailure("UsageError", _click_message(error), "", InvalidInput.exit_code)
    if isinstance(error, OSError):
        return _explain_os_error(error)
    return CommandFailure(
        type(error).__name__,
        f"a bug in ctx: {type(error).__name__}: {error}",
        "the repository is undamaged; run the command again with CTX_DEBUG=1 and report the output",
        UNEXPECTED,
    )


def _click_message(error: click.ClickException) -> str:
    """Returns click's message in the style of all errors: lower case, no full stop."""
    message = error.format_message()
    return message[:1].lower() + message[1:].removesuffix(".")


def _explain_os_error(error: OSError) -> CommandFailure:
    """Describes an error of the operating system."""
    message, hint = _os_message(error), ""
    if isinstance(error, FileNotFoundError) and not error.filename and not _has_working_folder():
        message, hint = "the working folder was removed", "change to another folder, or give absolute paths"
    return CommandFailure("StorageError", message, hint, StorageError.exit_code)


def _has_working_folder() -> bool:
    """Whether the working folder of this process still exists."""
    try:
        os.getcwd()
    except OSError:
        return False
    return True


def _os_message(error: OSError) -> str:
    reason = error.strerror or str(error) or type(error).__name__
    return f"{os.fsdecode(error.filename)}: {reason}" if error.filename else reason


def report_error(error: BaseException, *, as_json: bool) -> int:
    """Prints an error on stderr, and returns its exit code."""
    failure = explain(error)
    if os.environ.get("CTX_DEBUG") == "1":
        import traceback

        traceback.print_exception(error, file=sys.stderr)
    try:
        sys.stdout.flush()
    except OSError:
        discard_stdout()
    if as_json:
        import json

        sys.stderr.write(json.dumps({"error": failure._asdict()}) + "\n")
    else:
        if failure.exit_code == INTERRUPTED and is_terminal(sys.stderr):
            sys.stderr.write("\n")  # the terminal has echoed ^C
        red, plain = ("\x1b[31m", "\x1b[0m") if has_color(sys.stderr) else ("", "")
        sys.stderr.write(f"{red}error:{plain} {clean_line(failure.message)}\n")
        if failure.hint:
            sys.stderr.write(f"hint: {clean_line(failure.hint)}\n")
    sys.stderr.flush()
    return failure.exit_code
