"""A project with FlowLoom's folder, one of everything."""

from __future__ import annotations

import json
from pathlib import Path

from tests.sources.homes.home_files import write

SESSION = "session_12345_1640995200_abc123"
METADATA = {
    "sessionId": SESSION,
    "purpose": "Oil the\nwheels",
    "worktree": "/home/ada/engine",
    "created": "2026-01-01T10:00:00Z",
}


def make(home: Path) -> None:
    """Writes the project at `home`."""
    sessions = ".flowloom/sessions"
    write(
        home,
        {
            f"{sessions}/index.json": "{}",
            f"{sessions}/{SESSION}/metadata.json": json.dumps(METADATA, indent=2),
            f"{sessions}/{SESSION}/state.json": "{}",
            f"{sessions}/{SESSION}/todo.json": "[]",
            f"{sessions}/{SESSION}/artifacts/plan.md": "1. Oil\n",
            f"{sessions}/{SESSION}/logs/session.log": "oiled\n",
            f"{sessions}/{SESSION}/backups/state.json": "{}",
            f"{sessions}/session-two/metadata.json": "not json",
            f".flowloom/backups/{SESSION}/backup_1.manifest": "{}",
            ".flowloom/config.json": "{}",
            ".flowloom/worktrees/session-two/engine.py": "pass\n",
            "engine.py": "pass\n",
        },
    )
