"""The making of a repository."""

from __future__ import annotations

import os

from ctxstore.errors import AlreadyExists
from ctxstore.history.engine import Environment, create, real_environment
from ctxstore.repo.repository import Repo
from ctxstore.storage.locate import locate

_UNFINISHED = {"config", "packs", "manifests", "cache", "reserve", "root.lock", "root.new", "root.old", "writers.lock"}
"""What an init that was cut short leaves; the next one goes on from it."""


def init(path: str | os.PathLike[str], *, environment: Environment | None = None) -> Repo:
    """Make a repository in a new or empty folder and open it. Raises `AlreadyExists`, `StorageError`."""
    place = os.fspath(path)
    storage = locate(place)
    if os.path.lexists(place) and not os.path.isdir(place):
        raise AlreadyExists(f"{place} is there already, and is no folder", hint="name a new folder")
    if os.path.isdir(place) and set(os.listdir(place)) - _UNFINISHED:
        if os.path.exists(os.path.join(place, "root")):
            raise AlreadyExists(f"there is a repository at {place} already", hint="open it, or name another folder")
        raise AlreadyExists(f"{place} is not empty", hint="name a new folder")
    return Repo(create(storage, environment or real_environment()), place)
