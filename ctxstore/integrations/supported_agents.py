"""The agents that `ctx install` supports."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import cast

from ctxstore.errors import InvalidInput, NotFound
from ctxstore.integrations.install import HookProgram, Setup

SETUPS = {
    "claude-code": "ctxstore.integrations.claude_code.setup",
    "codex": "ctxstore.integrations.codex",
    "gemini": "ctxstore.integrations.gemini",
}


def get_setup(agent: str, program: HookProgram, environ: Mapping[str, str]) -> Setup:
    """Returns the setup that makes an agent call `program`. Raises `InvalidInput` if HOME is not set."""
    if not environ.get("HOME"):
        raise InvalidInput("HOME is not set, so the agent's settings cannot be located", hint="set HOME")
    return cast("Setup", import_module(SETUPS[agent]).setup(program, environ))


def find_ctx(argument: str) -> str:
    """Returns the absolute path of the running `ctx`. `argument` is the name by which it was called.

    Symbolic links are kept, so that the path stays valid after an upgrade. Raises `NotFound`.
    """
    beside = os.path.join(os.path.dirname(sys.executable), "ctx")
    called = os.path.abspath(argument) if os.sep in argument and os.path.basename(argument) == "ctx" else ""
    for path in (called, beside, shutil.which("ctx") or ""):
        if path and os.access(path, os.X_OK):
            return os.path.abspath(path)
    raise NotFound("no program `ctx` found for hooks to call", hint="install ctxstore as a package")
