"""The names that a shell completes on the command line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import click

from ctxstore.cli.invocation import Invocation

if TYPE_CHECKING:
    from ctxstore import Repo

_SAFE = re.compile(r"[\w./:@%+=,][\w./:@%+=,~-]*")
"""Names that mean themselves in every shell. The completions of bash and zsh insert a name without quotes."""


def complete_contexts(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Completes the name of a context."""
    return _complete(ctx, lambda repo: (name for name, _ in repo.refs(incomplete)), incomplete)


def complete_tags(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Completes the name of a tag."""
    return _complete(ctx, lambda repo: (name for name, _ in repo.tags()), incomplete)


def complete_refs(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Completes the beginning of a revision: a context or ``tag:NAME``."""
    contexts = complete_contexts(ctx, parameter, incomplete)
    if not incomplete.startswith("t"):
        return contexts  # no prefix of "tag:"
    return contexts + _complete(ctx, lambda repo: (f"tag:{name}" for name, _ in repo.tags()), incomplete)


def _complete(ctx: click.Context, names: Callable[[Repo], Iterable[str]], incomplete: str) -> list[str]:
    try:
        with ctx.ensure_object(Invocation).open() as repo:
            return [name for name in names(repo) if name.startswith(incomplete) and _SAFE.fullmatch(name)]
    except Exception:  # an error would break the line that the user is typing
        return []
