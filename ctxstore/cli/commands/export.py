"""The command ``ctx export``."""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Iterable

import click

from ctxstore.cli.complete import complete_refs
from ctxstore.cli.invocation import Invocation, NonEmptyPath, common_options, pass_invocation
from ctxstore.cli.render.format import format_size
from ctxstore.durable.replace import create_file, replace_file
from ctxstore.errors import AlreadyExists, StorageError

FORMATS = ("json", "jsonl", "markdown", "aider-backup")


_PATIENCE = 1.0
"""The number of seconds that an export waits for the reader of a pipe."""


@click.command()
@click.argument("rev", shell_complete=complete_refs)
@click.option("--format", "-f", type=click.Choice(FORMATS), default="json", show_default=True, help="Output format.")
@click.option("--output", "-o", "path", metavar="FILE", type=NonEmptyPath(), help="Write to FILE instead of stdout.")
@click.option("--overwrite", is_flag=True, help="Replace FILE if it exists.")
@click.option("--redact", is_flag=True, help="Mask credentials in the output. Stored data is unchanged.")
@common_options
@pass_invocation
def command(invocation: Invocation, rev: str, format: str, path: str | None, overwrite: bool, redact: bool) -> None:
    """Export the session at REV for other programs: commit, files, messages and memories."""
    if overwrite and path is None:
        raise click.UsageError("--overwrite needs --output FILE.")

    output = invocation.output
    with invocation.open() as repo:
        view = repo.view(rev)
        blocks = repo.redact(lambda: repo.export(view, format)) if redact else repo.export(view, format)
        if path is None or path == "-":
            output.content(blocks)
            return
        size = write_file(path, blocks, overwrite=overwrite)
    if output.json:
        output.value({"file": os.path.abspath(path), "format": format, "commit": view.id.hex(), "bytes": size})
    output.report(f"Wrote {path} ({format_size(size)}).")


def write_file(path: str, blocks: Iterable[bytes], *, overwrite: bool) -> int:
    """Writes a file durably, whole or not at all, and returns its size. A new file is readable only by its owner.

    A device or a pipe is written to, never replaced. Raises `AlreadyExists`, `StorageError`.
    """
    if _is_stream(path):
        return _write_stream(path, blocks)
    if os.path.lexists(path) and not overwrite:
        raise _exists(path)
    try:
        if overwrite:
            return replace_file(path, blocks)
        folder, name = os.path.split(os.path.abspath(path))
        return create_file(folder, [name], blocks)[1]
    except FileExistsError:
        raise _exists(path) from None
    except OSError as error:
        raise _cannot_write(path, error) from error


def _is_stream(path: str) -> bool:
    """Whether the path leads to a device, a pipe or a socket."""
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def _write_stream(path: str, blocks: Iterable[bytes]) -> int:
    """Writes to a device or a pipe and returns the number of bytes. Raises `StorageError`."""
    size = 0
    try:
        with open(_open_stream(path), "wb") as file:
            for block in blocks:
                size += file.write(block)
    except OSError as error:
        raise _cannot_write(path, error) from error
    return size


def _open_stream(path: str) -> int:
    """Opens a device or a pipe. Waits `_PATIENCE` seconds for a pipe's reader, because without one it would wait for
    ever."""
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            if error.errno != errno.ENXIO or time.monotonic() > end:
                raise
            time.sleep(0.05)
        else:
            os.set_blocking(fd, True)
            return fd


def _cannot_write(path: str, error: OSError) -> StorageError:
    hints = {errno.ENOSPC: "free some space", errno.ENXIO: "start the program that reads the pipe first"}
    hint = hints.get(error.errno or 0, "choose another file")
    return StorageError(f"cannot write {path}: {error.strerror}", hint=hint)


def _exists(path: str) -> AlreadyExists:
    return AlreadyExists(f"{path} already exists", hint="choose another file, or add --overwrite")
