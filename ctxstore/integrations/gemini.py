"""The setup of Gemini CLI: hooks in the user's settings."""

from __future__ import annotations

import os
from collections.abc import Mapping

from ctxstore.integrations.install import HookProgram, Setup
from ctxstore.integrations.settings.edits import Hooks, hook_command

EVENTS = {"SessionStart": 10_000, "AfterAgent": 10_000, "PreCompress": 20_000, "SessionEnd": 10_000}
"""The events and their time limits in milliseconds."""


def setup(program: HookProgram, environ: Mapping[str, str]) -> Setup:
    """Returns the setup that makes Gemini CLI call `program`."""
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
