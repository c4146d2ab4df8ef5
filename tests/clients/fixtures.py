"""Fixtures for tests that use real clients. A conftest imports the ones it needs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients import aider, claude, codex, gemini
from tests.clients.model.server import ModelServer


@pytest.fixture
def model() -> Iterator[ModelServer]:
    """A model that has received no request yet."""
    with ModelServer() as server:
        yield server


@pytest.fixture(scope="session")
def claude_place() -> Path:
    """The folder where Claude Code is installed."""
    return claude.PACKAGE.folder()


@pytest.fixture(scope="session")
def codex_place() -> Path:
    """The folder where Codex is installed."""
    return codex.PACKAGE.folder()


@pytest.fixture(scope="session")
def gemini_place() -> Path:
    """The folder where Gemini CLI is installed."""
    return gemini.PACKAGE.folder()


@pytest.fixture(scope="session")
def aider_place() -> Path:
    """The folder where aider is installed."""
    return aider.PACKAGE.folder()
