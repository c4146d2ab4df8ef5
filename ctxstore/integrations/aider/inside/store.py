"""The way to the store: ctxstore in its own Python, a process for each question, JSON in and out."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from typing import Any, NamedTuple

from .problem import CommandProblem, reason

BRIDGE = "ctxstore.integrations.aider.bridge"
SECONDS = 600


class Store(NamedTuple):
    """Where the chats go. `python` has ctxstore; `makes`: the repository is the user's own, made when first needed.

    `environ` is the user's: aider adds what the project's ``.env`` says, and that is not to decide what is run here.
    """

    python: str
    repo: str
    makes: bool
    environ: Mapping[str, str]

    def ask(self, do: str, *, seconds: float = SECONDS, **request: Any) -> dict[str, Any]:
        """What the store answers. Raises `CommandProblem`."""
        told = json.dumps({"repo": self.repo, "makes": self.makes, "do": do, **request}).encode()
        command = [self.python, "-P", "-m", BRIDGE]  # -P: no file of the project is taken for one of Python's
        env = dict(self.environ)
        try:
            done = subprocess.run(command, input=told, capture_output=True, timeout=seconds, check=False, env=env)
        except subprocess.TimeoutExpired:
            raise CommandProblem(f"the store did not answer in {seconds:.0f} s", "`ctx check` looks at it") from None
        except OSError as error:
            raise CommandProblem(
                f"{self.python} can't be run: {reason(error)}", "start aider again, with `ctx aider`"
            ) from None
        return _answer(done)


def parse_settings(text: str) -> Store:
    """The store `ctx aider` told of, asked with the environment of now."""
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
            f"ctxstore failed: {last or f'exit code {done.returncode}'}", "start aider again, with `ctx aider`"
        )
    if "error" in answer:
        raise CommandProblem(answer["error"]["message"], answer["error"]["hint"])
    return answer
