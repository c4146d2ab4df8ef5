"""Homes and folders written for these tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sources.homes import claude_code, directory
from tests.sources.homes.claude_code import GONE, PROJECT, SESSION
from tests.sources.homes.home_files import write

__all__ = ["GONE", "PROJECT", "SESSION", "write"]


@pytest.fixture
def claude_home(tmp_path: Path) -> Path:
    """A home with ``.claude`` that has one of everything."""
    claude_code.make(tmp_path)
    return tmp_path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one of everything."""
    directory.make(tmp_path / "notes")
    return tmp_path / "notes"
