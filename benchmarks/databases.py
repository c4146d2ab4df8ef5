"""Conversations in the databases that some agents keep."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from .shapes import Conversation

DATABASES: dict[str, Callable[[Path, list[Conversation]], None]] = {}
"""By source: writes (or adds to) the database below a home."""
