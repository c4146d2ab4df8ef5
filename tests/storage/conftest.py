"""Every kind of storage, as a test parameter."""

from __future__ import annotations

import pytest

from ctxstore.storage.local import LocalStorage
from ctxstore.storage.memory import MemoryStorage


@pytest.fixture(params=["local", "memory"])
def storage(request, tmp_path):
    """An empty storage, initialised."""
    made = LocalStorage(str(tmp_path / "store")) if request.param == "local" else MemoryStorage()
    made.initialise()
    return made
