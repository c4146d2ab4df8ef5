"""Folders in memory, and processes that can be killed."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import ctxstore.repo.init
from tests.faults.processes import Scene, Server

pytest.register_assert_rewrite("tests.faults.machine")


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


@pytest.fixture
def memory_path() -> Iterator[Path]:
    """A folder in memory, if the machine has one. The tests do not depend on the disk, and memory is faster."""
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as folder:
        yield Path(folder)


@pytest.fixture
def scene(memory_path: Path) -> Scene:
    """An empty repository and the processes that work on it."""
    made = Scene(memory_path)
    ctxstore.repo.init.init(made.place).close()
    return made
