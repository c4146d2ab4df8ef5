"""How Gemini CLI is set up: hooks in the user's settings."""

from __future__ import annotations

import os
from collections.abc import Mapping

from ctxstore.integrations.install import HookProgram, Setup
from ctxstore.integrations.settings.edits import Hooks, hook_command

EVENTS = {"SessionStart": 10_000, "AfterAgent": 10_000, "PreCompress": 20_000, "SessionEnd": 10_000}
"""With the milliseconds Gemini gives a hook."""


def setup(program: HookProgram, environ: Mapping[str, str]) -> Setup:
    """Gemini CLI calling `program`."""
    home = environ.get("GEMINI_CLI_HOME") or environ.get("HOME", "")
    hooks = {
        event: {
            "name": "ctxstore",
            "type": "command",
            "command": hook_command(program.ctx, program.repo, "gemini", event),
            "timeout": milliseconds,
        }
        for event, milliseconds in EVENTS.items()
    }
    return Setup("gemini", [Hooks(os.path.join(home, ".gemini", "settings.json"), hooks)])
