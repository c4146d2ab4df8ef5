"""The state of one command line: shared options, output, and access to the repository."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ctxstore.cli.render.output import Output

if TYPE_CHECKING:
    from ctxstore import Repo
    from ctxstore.cli.repository import RepositoryLocation
    from ctxstore.progress import Progress

CommandFunction = TypeVar("CommandFunction", bound=Callable[..., Any])


class Invocation:
    """One run of a command: its repository option and its output."""

    def __init__(self) -> None:
        self.repo: str | None = None
        self.output = Output()

    def location(self) -> RepositoryLocation:
        """Returns the location of the repository, which may not exist yet."""
        from ctxstore.cli.repository import locate_repository

        return locate_repository(self.repo, os.environ, _working_folder(""))

    @property
    def environ(self) -> dict[str, str]:
        """The environment with a corrected PWD: programs that start another one elsewhere often leave it outdated."""
        return {**os.environ, "PWD": _working_folder(os.environ.get("PWD", ""))}

    @contextmanager
    def open(self) -> Iterator[Repo]:
        """Opens the repository and closes it after the block. Raises as `open_repository` does."""
        from ctxstore.cli.repository import open_repository

        repo = open_repository(self.location())
        try:
            yield repo
        finally:
            repo.close()

    @contextmanager
    def progress(self) -> Iterator[Progress]:
        """Shows the progress of long work on a terminal. Prints nothing elsewhere."""
        from ctxstore.cli.render.progress import show_progress

        with show_progress(quiet=self.output.quiet or self.output.json) as progress:
            yield progress


def _working_folder(pwd: str) -> str:
    """Returns the working folder, as spelled in `pwd` if that is correct. Empty if the folder was removed."""
    try:
        if os.path.isabs(pwd) and os.path.samefile(pwd, "."):
            return pwd
    except OSError:
        pass  # `pwd` no longer exists
    try:
        return os.getcwd()
    except FileNotFoundError:
        return ""


class NonEmptyPath(click.Path):
    """A path that must not be empty: an unset shell variable must not select the current folder."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == "":
            self.fail("the path is empty", param, ctx)
        return super().convert(value, param, ctx)


def common_options(function: CommandFunction) -> CommandFunction:
    """Adds the options shared by all commands. They are accepted before and after the command's name."""
    for option in (_quiet, _json, _repo):
        function = option(function)
    return function


def _repo(function: CommandFunction) -> CommandFunction:
    def store(ctx: click.Context, _: click.Parameter, value: str | None) -> None:
        if value is not None:
            ctx.ensure_object(Invocation).repo = value

    help = "Use this repository. Default: $CTX_REPO, the nearest .ctx, or your own."
    return click.option(
        "--repo", metavar="LOCATION", type=NonEmptyPath(), expose_value=False, is_eager=True, callback=store, help=help
    )(function)


def _json(function: CommandFunction) -> CommandFunction:
    def store(ctx: click.Context, _: click.Parameter, value: bool) -> None:
        ctx.ensure_object(Invocation).output.json |= value

    return click.option("--json", is_flag=True, expose_value=False, is_eager=True, callback=store, help="Print JSON.")(
        function
    )


def _quiet(function: CommandFunction) -> CommandFunction:
    def store(ctx: click.Context, _: click.Parameter, value: bool) -> None:
        ctx.ensure_object(Invocation).output.quiet |= value

    return click.option(
        "--quiet",
        "-q",
        is_flag=True,
        expose_value=False,
        is_eager=True,
        callback=store,
        help="Print only requested data, warnings and errors.",
    )(function)


pass_invocation = click.pass_obj
"""Passes the `Invocation` to a command function."""
