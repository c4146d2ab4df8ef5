"""A recorder of system calls for these tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.durable.call_trace import CallTrace, build_library


@pytest.fixture(scope="session")
def trace_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_library(tmp_path_factory.mktemp("trace"))


@pytest.fixture
def trace(trace_library: Path, tmp_path: Path) -> CallTrace:
    return CallTrace(trace_library, tmp_path / "trace.log")
