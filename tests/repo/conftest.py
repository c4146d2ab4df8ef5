"""Repositories that programs write to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import ctxstore


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "repository"


@pytest.fixture
def repo(place: Path) -> Iterator[ctxstore.Repo]:
    with ctxstore.init(place) as made:
        yield made


@pytest.fixture(params=["folder", "memory"])
def any_repo(request: pytest.FixtureRequest, place: Path) -> Iterator[ctxstore.Repo]:
    """A repository in each kind of storage."""
    with ctxstore.init(place if request.param == "folder" else "memory:") as made:
        yield made
