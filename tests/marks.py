"""Marks for parameters of a test: some examples stay in the inner loop, the others are slow."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def slow_except(*fast: Any, of: Iterable[Any]) -> list[Any]:
    """Marks all values but the `fast` ones as `slow`. A plain tuple is the values of several arguments."""
    return [value if value in fast else _slow(value) for value in of]


def _slow(value: Any) -> Any:
    return pytest.param(*(value if type(value) is tuple else (value,)), marks=pytest.mark.slow)
