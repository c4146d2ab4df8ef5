"""Calls the store: runs ctxstore in its own Python, one process per request, with JSON in and out."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from typing import Any, NamedTuple

from .problem import CommandProblem, reason

BRIDGE = "ctxstore.integrations.aider.bridge"
TIMEOUT = 600
"""Seconds for a request."""


class Store(NamedTuple):
    """The repository for chats. `python` has ctxstore. With `creates`, a missing repository is created.

    `environ` is the user's environment, without the variables that aider adds from the project's ``.env``: a project
    must not influence the program that runs here.
    """

    python: str
    repo: str
    creates: bool
    environ: Mapping[str, str]

    def call(self, action: str, *, timeout: float = TIMEOUT, **request: Any) -> dict[str, Any]:
        """Sends a request to the store, and returns its answer. Raises `CommandProblem`."""
        data = json.dumps({"repo": self.repo, "makes": self.creates, "do": action, **request}).encode()
        command = [self.python, "-P", "-m", BRIDGE]  # -P: do not import modules from the project's folder
        env = dict(self.environ)
        try:
            done = subprocess.run(command, input=data, capture_output=True, timeout=timeout, check=False, env=env)
        except subprocess.TimeoutExpired:
            raise CommandProblem(
                f"the store did not answer within {timeout:.0f} s", "`ctx check` verifies it"
            ) from None
        except OSError as error:
            raise CommandProblem(
                f"cannot run {self.python}: {reason(error)}", "start aider again with `ctx aider`"
            ) from None
        return _answer(done)


def parse_settings(text: str) -> Store:
    """Returns the store given by `ctx aider`, with a copy of the current environment."""
    settings = json.loads(text)
    return Store(settings["python"], settings["repo"], settings["makes"], dict(os.environ))


def _answer(done: subprocess.CompletedProcess[bytes]) -> dict[str, Any]:
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        last = done.stderr.decode("utf-8", "backslashreplace").strip().rpartition("\n")[2]
        raise CommandProblem(
            f"ctxstore failed: {last or f'exit code {done.returncode}'}", "start aider again with `ctx aider`"
        )
    if "error" in answer:
        raise CommandProblem(answer["error"]["message"], answer["error"]["hint"])
    return answer
