"""The console script ``ctx``: hooks at once, everything else by way of the commands.

An agent waits for its hooks, and loading the commands takes longer than a hook may.
"""

import os
import sys
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ctxstore.repo.repository import Repo

AGENTS = ("claude-code", "codex", "gemini")
"""Whose hooks there are."""

ANSWERED = frozenset({"UserPromptExpansion"})
"""Events that are answered with a text, so that the agent waits for it in any case."""


class Hook(NamedTuple):
    """A command line of a hook, as `ctx install` writes it."""

    agent: str
    event: str = ""
    place: str | None = None
    payload: bytes | None = None


def main() -> None:
    """Run a command line."""
    hook = find_hook(sys.argv[1:])
    if hook is not None:
        run_hook(hook)
        return
    from ctxstore.cli.main import main as run_command

    run_command()


def find_hook(words: list[str]) -> Hook | None:
    """``hook AGENT [--repo PLACE] [EVENT [PAYLOAD]]``; None for all that is not that, or is answered."""
    if words[:1] != ["hook"] or len(words) < 2 or words[1] not in AGENTS:
        return None
    place, rest = (words[3], words[4:]) if words[2:3] == ["--repo"] and len(words) > 3 else (None, words[2:])
    event, payload = [*rest, "", ""][:2]
    if len(rest) > 2 or (rest and not event.isalnum()) or event in ANSWERED or place == "":
        return None
    return Hook(words[1], event, place, os.fsencode(payload) if len(rest) == 2 else None)


def run_hook(hook: Hook) -> None:
    """Answer a hook, for the repository at its place, else at CTX_REPO, else the user's own.

    The folder an agent works in decides nothing: its sessions are kept in one place.
    """
    from ctxstore.integrations.hooks.start import run

    place = hook.place or os.environ.get("CTX_REPO")
    run(hook.agent, hook.event, os.path.abspath(place) if place else "", hook.payload, open_repo)


def open_repo(place: str) -> "Repo":
    """The repository at `place`; if that is empty the user's own, which is made if it is not there."""
    from ctxstore.cli.repository import RepositoryPlace, default_path, open_or_make

    return open_or_make(RepositoryPlace(place) if place else RepositoryPlace(default_path(), is_default=True))[0]
