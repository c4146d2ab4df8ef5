"""The one place where an error becomes a message, a next step and an exit code. See docs/cli.md."""

from __future__ import annotations

import os
import sys
from typing import NamedTuple

import click

from ctxstore.cli.render.output import has_color
from ctxstore.cli.render.printable import clean_line, discard_stdout, is_terminal
from ctxstore.errors import CtxstoreError, InvalidInput, StorageError

LONGEST = 2_000
"""Characters of a message or hint: what an error quotes may be of any length."""

UNEXPECTED = 70
INTERRUPTED = 130


class CommandFailure(NamedTuple):
    """What a person or a program is told."""

    type: str
    message: str
    hint: str
    exit_code: int


def explain(error: BaseException) -> CommandFailure:
    """The failure an exception stands for."""
    failure = _explain(error)
    return failure._replace(message=_shortened(failure.message), hint=_shortened(failure.hint))


def _shortened(text: str) -> str:
    half = LONGEST // 2
    return text if len(text) <= LONGEST else f"{text[:half]} … {text[-half:]}"


def _explain(error: BaseException) -> CommandFailure:
    if isinstance(error, CtxstoreError):
        return CommandFailure(type(error).__name__, error.message, error.hint, error.exit_code)
    if isinstance(error, click.UsageError):
        path = error.ctx.command_path if error.ctx else "ctx"
        return CommandFailure("UsageError", _own_style(error), f"`{path} --help` shows how", InvalidInput.exit_code)
    if isinstance(error, (click.Abort, KeyboardInterrupt)):
        return CommandFailure("Interrupted", "interrupted; the repository is unharmed", "", INTERRUPTED)
    if isinstance(error, click.ClickException):
        return CommandFailure("UsageError", _own_style(error), "", InvalidInput.exit_code)
    if isinstance(error, OSError):
        return CommandFailure("StorageError", _os_message(error), "", StorageError.exit_code)
    return CommandFailure(
        type(error).__name__,
        f"this is a bug in ctx: {type(error).__name__}: {error}",
        "run it again with CTX_DEBUG=1 and report what it prints; the repository is unharmed",
        UNEXPECTED,
    )


def _own_style(error: click.ClickException) -> str:
    """What click says, as everything else is said."""
    message = error.format_message()
    return message[:1].lower() + message[1:].removesuffix(".")


def _os_message(error: OSError) -> str:
    reason = error.strerror or str(error) or type(error).__name__
    return f"{os.fsdecode(error.filename)}: {reason}" if error.filename else reason


def tell(error: BaseException, *, as_json: bool) -> int:
    """Print an error on stderr; its exit code."""
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
            sys.stderr.write("\n")  # the terminal has written ^C
        red, plain = ("\x1b[31m", "\x1b[0m") if has_color(sys.stderr) else ("", "")
        sys.stderr.write(f"{red}error:{plain} {clean_line(failure.message)}\n")
        if failure.hint:
            sys.stderr.write(f"hint: {clean_line(failure.hint)}\n")
    sys.stderr.flush()
    return failure.exit_code
