"""Marks and fixtures for all tests."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

CLIENT_FIXTURES = {"aider_place", "claude_place", "codex_place", "gemini_place", "prepared"}
"""The fixtures that install a real agent's client."""


def pytest_itemcollected(item: pytest.Item) -> None:
    """Marks a test as `clients` when it uses a client, so that no test of a client lacks the mark."""
    if CLIENT_FIXTURES.intersection(getattr(item, "fixturenames", ())):
        item.add_marker(pytest.mark.clients)


@pytest.fixture
def deliver_interrupts() -> Iterator[None]:
    """A test that can send SIGINT to the programs it starts.

    A shell's background job ignores SIGINT, and its children inherit that.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
