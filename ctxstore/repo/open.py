"""The opening of an existing repository, the start of most uses of the library."""

from __future__ import annotations

import os

from ctxstore.errors import Corrupt, NotFound, UnknownFormat
from ctxstore.history.config import REPAIR_HINT
from ctxstore.history.engine import Environment, open_engine, real_environment
from ctxstore.repo.repository import Repo
from ctxstore.storage.locate import locate
from ctxstore.storage.protocol import Storage


def open(path: str | os.PathLike[str], *, environment: Environment | None = None) -> Repo:
    """Opens an existing repository. Raises `NotFound` if there is none, `UnknownFormat`, `Corrupt`, `StorageError`."""
    place = os.fspath(path)
    storage = locate(place)
    try:
        engine = open_engine(storage, environment or real_environment())
        engine.root()
    except (Corrupt, UnknownFormat) as error:
        raise type(error)(f"{place}: {error.message}", hint=error.hint) from error
    except NotFound:
        if storage.exists() or _has_packs(storage):
            raise Corrupt(f"{place}: the repository's config is missing", hint=REPAIR_HINT) from None
        raise no_repository(place) from None
    return Repo(engine, place)


def exists(path: str | os.PathLike[str]) -> bool:
    """Whether a repository exists at a place. `open` may still find it damaged. Raises `StorageError`."""
    return locate(os.fspath(path)).exists()


def _has_packs(storage: Storage) -> bool:
    try:
        return any(True for _ in storage.list("packs"))
    except NotFound:
        return False


def no_repository(place: str) -> NotFound:
    """Returns the error for a place without a repository."""
    if os.path.exists(place):
        return NotFound(f"{place} is not a ctxstore repository", hint="run `ctx init` to create one")
    return NotFound(f"there is no repository at {place}", hint="run `ctx init` to create one")
