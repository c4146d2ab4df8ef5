"""The console script ``ctx``: runs hooks directly, and everything else through the command group.

An agent waits for its hooks, and importing the commands takes longer than a hook may take.
"""

import os
import sys
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ctxstore import Repo

AGENTS = ("claude-code", "codex", "gemini")
"""The agents that have hooks."""

ANSWERED = frozenset({"UserPromptExpansion"})
"""The events with a text answer. The agent waits for the answer, so these take the slow path."""


class Hook(NamedTuple):
    """A parsed command line of a hook, in the form that `ctx install` writes."""

    agent: str
    event: str = ""
    repo: str | None = None
    payload: bytes | None = None


def main() -> None:
    """Runs the command line of the process."""
    hook = parse_hook(sys.argv[1:])
    if hook is not None:
        run_hook(hook)
        return
    from ctxstore.cli.main import main as run_command

    run_command()


def parse_hook(words: list[str]) -> Hook | None:
    """Parses ``hook AGENT [--repo LOCATION] [EVENT [PAYLOAD]]``. Returns None for any other command or event."""
    if words[:1] != ["hook"] or len(words) < 2 or words[1] not in AGENTS:
        return None
    repo, rest = (words[3], words[4:]) if words[2:3] == ["--repo"] and len(words) > 3 else (None, words[2:])
    event, payload = [*rest, "", ""][:2]
    if len(rest) > 2 or (rest and not event.isalnum()) or event in ANSWERED or repo == "":
        return None
    return Hook(words[1], event, repo, os.fsencode(payload) if len(rest) == 2 else None)


def run_hook(hook: Hook) -> None:
    """Handles a hook with the repository of ``--repo``, else of CTX_REPO, else the user's own.

    The agent's working folder is ignored, so that all its sessions are saved to the same repository.
    """
    from ctxstore.integrations.hooks.start import handle_hook

    path = hook.repo or os.environ.get("CTX_REPO")
    handle_hook(hook.agent, hook.event, os.path.abspath(path) if path else "", hook.payload, open_repo)


def open_repo(path: str) -> "Repo":
    """Opens the repository at `path`. An empty path selects the user's own, which is created if missing."""
    from ctxstore.cli.repository import RepositoryLocation, default_path, open_or_create

    location = RepositoryLocation(path) if path else RepositoryLocation(default_path(), is_default=True)
    return open_or_create(location)[0]
