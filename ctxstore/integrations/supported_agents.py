"""The agents `ctx install` knows."""

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
    """How an agent is set up to call `program`. Raises `InvalidInput` where there is no home."""
    if not environ.get("HOME"):
        raise InvalidInput("HOME is not set, so the agent's settings can't be found", hint="set it")
    return cast("Setup", import_module(SETUPS[agent]).setup(program, environ))


def find_ctx(argument: str) -> str:
    """The absolute path of the running `ctx`, as it was called: a newer version will be there too. `argument` is what
    it was called by. Raises `NotFound`."""
    beside = os.path.join(os.path.dirname(sys.executable), "ctx")
    called = os.path.abspath(argument) if os.sep in argument and os.path.basename(argument) == "ctx" else ""
    for path in (called, beside, shutil.which("ctx") or ""):
        if path and os.access(path, os.X_OK):
            return os.path.abspath(path)
    raise NotFound("there is no program `ctx` that hooks could call", hint="install ctxstore as a package")
