"""Which repository a command means."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from ctxstore.errors import AlreadyExists, NotFound

if TYPE_CHECKING:
    from ctxstore.repo.repository import Repo

FOLDER = ".ctx"


class RepositoryPlace(NamedTuple):
    """A repository's place, and whether it is the user's default."""

    path: str
    is_default: bool = False


def find_place(option: str | None, environ: Mapping[str, str], folder: str) -> RepositoryPlace:
    """``--repo``, else CTX_REPO, else the nearest ``.ctx`` from `folder` upwards, else the user's default."""
    named = option if option is not None else environ.get("CTX_REPO")
    if named:
        return RepositoryPlace(named)
    nearest = find_nearest(folder, environ.get("HOME", ""))
    return RepositoryPlace(nearest) if nearest else RepositoryPlace(default_path(), is_default=True)


def find_nearest(folder: str, home: str) -> str | None:
    """The nearest ``.ctx`` of this user; inside of their home folder, none above it.

    Somebody else's is passed by: who can write to ``/tmp`` could otherwise receive another user's sessions.
    """
    home = os.path.realpath(home) if home else ""
    folder = os.path.realpath(folder)
    while True:
        candidate = os.path.join(folder, FOLDER)
        if os.path.isdir(candidate) and os.stat(candidate).st_uid == os.geteuid():
            return candidate
        parent = os.path.dirname(folder)
        if folder in (home, parent):
            return None
        folder = parent


def default_path() -> str:
    """The user's own repository."""
    if sys.platform == "linux":  # as platformdirs has it, without the time its imports take
        data = os.environ.get("XDG_DATA_HOME", "")
        return os.path.join(data if os.path.isabs(data) else os.path.expanduser("~/.local/share"), "ctxstore")
    from platformdirs import user_data_dir

    return user_data_dir("ctxstore", appauthor=False)


def open_place(place: RepositoryPlace) -> Repo:
    """Open the repository there. Raises `NotFound`, `UnknownFormat`, `Corrupt`, `StorageError`."""
    import ctxstore

    if place.is_default and not os.path.exists(place.path):
        raise NotFound(
            f"there is no repository in this folder or above, and none at {place.path}",
            hint="`ctx snapshot` saves your agents' data there; `ctx init` makes a repository in this folder",
        )
    return ctxstore.open(place.path)


def open_or_make(place: RepositoryPlace) -> tuple[Repo, bool]:
    """Open the repository there, and make the default one if it is not there: (repository, whether made)."""
    import ctxstore

    if place.is_default and not os.path.exists(os.path.join(place.path, "root")):
        os.makedirs(place.path, mode=0o700, exist_ok=True)
        try:
            return ctxstore.init(place.path), True
        except AlreadyExists:
            pass  # another process made it at this moment, or it is no repository: opening tells
    return open_place(place), False
