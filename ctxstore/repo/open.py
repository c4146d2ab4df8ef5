"""The start of every use of the library: a repository is opened at a place."""

from __future__ import annotations

import os

from ctxstore.errors import Corrupt, NotFound, UnknownFormat
from ctxstore.history.config import REPAIR_HINT
from ctxstore.history.engine import Environment, open_engine, real_environment
from ctxstore.repo.repository import Repo
from ctxstore.storage.locate import locate


def open(path: str | os.PathLike[str], *, environment: Environment | None = None) -> Repo:
    """Open a repository. Raises `NotFound` when there is none, `UnknownFormat`, `Corrupt`, `StorageError`."""
    place = os.fspath(path)
    try:
        engine = open_engine(locate(place), environment or real_environment())
        engine.root()
    except (Corrupt, UnknownFormat) as error:
        raise type(error)(f"{place}: {error.message}", hint=error.hint) from error
    except NotFound:
        packs = os.path.join(place, "packs")
        if os.path.exists(os.path.join(place, "root")) or (os.path.isdir(packs) and os.listdir(packs)):
            raise Corrupt(f"{place}: the repository's config is missing", hint=REPAIR_HINT) from None
        raise no_repository(place) from None
    return Repo(engine, place)


def no_repository(place: str) -> NotFound:
    """The error for a place without a repository."""
    if os.path.exists(place):
        return NotFound(f"{place} is not a ctxstore repository", hint="`ctx init` makes one")
    return NotFound(f"there is no repository at {place}", hint="`ctx init` makes one")
