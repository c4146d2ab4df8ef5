"""What every command is given: the options they share, and the repository they ask for."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ctxstore.cli.render.output import Output

if TYPE_CHECKING:
    from ctxstore.cli.repository import RepositoryPlace
    from ctxstore.progress import Progress
    from ctxstore.repo.repository import Repo

CommandFunction = TypeVar("CommandFunction", bound=Callable[..., Any])


class Invocation:
    """One run of the command line."""

    def __init__(self) -> None:
        self.repo: str | None = None
        self.output = Output()

    def place(self) -> RepositoryPlace:
        """Where the repository is, or will be. Raises `NotFound`."""
        from ctxstore.cli.repository import find_place

        return find_place(self.repo, os.environ, os.getcwd())

    @property
    def environ(self) -> dict[str, str]:
        """The environment, with PWD as it is: who starts a program in another folder often leaves the old one."""
        return {**os.environ, "PWD": _working_folder(os.environ.get("PWD", ""))}

    @contextmanager
    def open(self) -> Iterator[Repo]:
        """The repository, for the length of the block. Raises `NotFound`, …"""
        from ctxstore.cli.repository import open_place

        repo = open_place(self.place())
        try:
            yield repo
        finally:
            repo.close()

    @contextmanager
    def progress(self) -> Iterator[Progress]:
        """Shows long work on a terminal; silent elsewhere."""
        from ctxstore.cli.render.progress import watch

        with watch(quiet=self.output.quiet or self.output.json) as progress:
            yield progress


def _working_folder(said: str) -> str:
    """The working folder, by the name that is in use for it; empty if it was removed."""
    try:
        if os.path.isabs(said) and os.path.samefile(said, "."):
            return said
    except OSError:
        pass  # it is not there any more
    try:
        return os.getcwd()
    except FileNotFoundError:
        return ""


class NonEmptyPath(click.Path):
    """A path. An empty one is mostly a variable that is not set, and must not mean the current folder."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == "":
            self.fail("it is empty", param, ctx)
        return super().convert(value, param, ctx)


def common(function: CommandFunction) -> CommandFunction:
    """The options of every command, which may also stand before its name."""
    for option in (_quiet, _json, _repo):
        function = option(function)
    return function


def _repo(function: CommandFunction) -> CommandFunction:
    def store(ctx: click.Context, _: click.Parameter, value: str | None) -> None:
        if value is not None:
            ctx.ensure_object(Invocation).repo = value

    help = "The repository. Default: $CTX_REPO, the nearest .ctx, or your own."
    return click.option(
        "--repo", metavar="PLACE", type=NonEmptyPath(), expose_value=False, is_eager=True, callback=store, help=help
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
        help="Print no reports.",
    )(function)


pass_invocation = click.pass_obj
"""Gives a command its `Invocation`."""
