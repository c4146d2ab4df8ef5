"""Fixtures for tests that use real clients. A conftest imports those it needs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients import aider, claude, codex, gemini
from tests.clients.model.server import ModelServer


@pytest.fixture
def model() -> Iterator[ModelServer]:
    """A model that was asked nothing yet."""
    with ModelServer() as server:
        yield server


@pytest.fixture(scope="session")
def claude_place() -> Path:
    """Where Claude Code is installed."""
    return claude.PACKAGE.folder()


@pytest.fixture(scope="session")
def codex_place() -> Path:
    """Where Codex is installed."""
    return codex.PACKAGE.folder()


@pytest.fixture(scope="session")
def gemini_place() -> Path:
    """Where Gemini CLI is installed."""
    return gemini.PACKAGE.folder()


@pytest.fixture(scope="session")
def aider_place() -> Path:
    """Where aider is installed."""
    return aider.PACKAGE.folder()
