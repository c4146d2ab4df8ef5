"""Real clients for these tests."""

from __future__ import annotations

from tests.clients.fixtures import aider_place, claude_place, codex_place, gemini_place, model

__all__ = ["aider_place", "claude_place", "codex_place", "gemini_place", "model"]
