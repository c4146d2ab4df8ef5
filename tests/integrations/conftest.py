"""A made-up user's home, and real clients."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clients.fixtures import claude_place, codex_place, gemini_place, model
from tests.integrations.agent_home import AgentHome

__all__ = ["claude_place", "codex_place", "gemini_place", "model"]


@pytest.fixture
def agents(tmp_path: Path) -> AgentHome:
    """A home without saved sessions. Its path needs quoting."""
    return AgentHome(tmp_path / "ada's home $x")
