"""The creation of a repository."""

from __future__ import annotations

import os

from ctxstore.history.engine import Environment, create, real_environment
from ctxstore.repo.repository import Repo
from ctxstore.storage.locate import locate


def init(path: str | os.PathLike[str], *, environment: Environment | None = None) -> Repo:
    """Creates a repository in a new or empty folder and opens it. Raises `AlreadyExists`, `StorageError`."""
    place = os.fspath(path)
    return Repo(create(locate(place), environment or real_environment()), place)
