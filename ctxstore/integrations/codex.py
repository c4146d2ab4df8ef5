"""How Codex is set up: hooks, which it runs once its user trusts them, and a program to notify, which always runs."""

from __future__ import annotations

import os
from collections.abc import Mapping

from ctxstore.integrations.install import HookProgram, SettingsEdit, Setup
from ctxstore.integrations.settings.edits import Hooks, Notify, hook_command, notify_command, notify_words

EVENTS = {"SessionStart": 10, "Stop": 10, "PreCompact": 20, "SessionEnd": 3}
"""With the seconds Codex gives a hook; more than 3 for the last one is a complaint in every session."""


def setup(program: HookProgram, environ: Mapping[str, str]) -> Setup:
    """Codex calling `program`."""
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
        "Codex skips hooks without a word until you trust them: start it, and accept them with /hooks.",
        "Until then sessions are saved after every turn all the same, by notify in config.toml.",
    ]
    return Setup("codex", edits, notes=notes)
