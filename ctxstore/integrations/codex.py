"""The setup of Codex: hooks, which run only after the user trusts them, and a notify program, which always runs."""

from __future__ import annotations

import os
from collections.abc import Mapping

from ctxstore.integrations.install import HookProgram, SettingsEdit, Setup
from ctxstore.integrations.settings.edits import Hooks, Notify, hook_command, notify_command, notify_words

EVENTS = {"SessionStart": 10, "Stop": 10, "PreCompact": 20, "SessionEnd": 3}
"""The events and their time limits in seconds. Above 3 s for SessionEnd, Codex prints a warning in every session."""


def setup(program: HookProgram, environ: Mapping[str, str]) -> Setup:
    """Returns the setup that makes Codex call `program`."""
    home = environ.get("CODEX_HOME") or os.path.join(environ.get("HOME", ""), ".codex")
    ctx, repo = program
    hooks = {
        event: {"type": "command", "command": hook_command(ctx, repo, "codex", event), "timeout": seconds}
        for event, seconds in EVENTS.items()
    }
    edits: list[SettingsEdit] = [
        Hooks(os.path.join(home, "hooks.json"), hooks),
        Notify(os.path.join(home, "config.toml"), notify_words(notify_command(ctx, repo, "codex"))),
    ]
    notes = [
        "Codex silently skips hooks until you trust them: start Codex and accept them with /hooks.",
        "Until then, notify in config.toml saves sessions after every turn.",
    ]
    return Setup("codex", edits, notes=notes)
