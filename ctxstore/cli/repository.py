"""Locates and opens the repository of a command."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from ctxstore.errors import AlreadyExists, NotFound
from ctxstore.ownership import make_folders

if TYPE_CHECKING:
    from ctxstore import Repo

FOLDER = ".ctx"


class RepositoryLocation(NamedTuple):
    """The path of a repository, and whether it is the user's default."""

    path: str
    is_default: bool = False


def locate_repository(option: str | None, environ: Mapping[str, str], folder: str) -> RepositoryLocation:
    """Returns ``--repo``, else CTX_REPO, else the nearest ``.ctx`` from `folder` upwards, else the user's default.

    An empty `folder` is a working folder that was removed: no ``.ctx`` can be near it.
    """
    named = option if option is not None else environ.get("CTX_REPO")
    if named:
        return RepositoryLocation(named)
    nearest = find_nearest(folder, environ.get("HOME", "")) if folder else None
    return RepositoryLocation(nearest) if nearest else RepositoryLocation(default_path(), is_default=True)


def find_nearest(folder: str, home: str) -> str | None:
    """Finds the nearest ``.ctx`` from `folder` upwards. The search stops at the user's home folder.

    Folders of other users are ignored: a ``/tmp/.ctx`` could otherwise receive someone else's sessions.
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
    """Returns the path of the user's own repository."""
    if sys.platform == "linux":  # same result as platformdirs, without the cost of its import
        data = os.environ.get("XDG_DATA_HOME", "")
        return os.path.join(data if os.path.isabs(data) else os.path.expanduser("~/.local/share"), "ctxstore")
    from platformdirs import user_data_dir

    return user_data_dir("ctxstore", appauthor=False)


def open_repository(location: RepositoryLocation) -> Repo:
    """Opens an existing repository. Raises `NotFound`, `UnknownFormat`, `Corrupt`, `StorageError`."""
    import ctxstore

    if location.is_default and not os.path.exists(location.path):
        raise NotFound(
            f"no repository in this folder or above it, and none at {location.path}",
            hint="`ctx snapshot` creates your own and saves your sessions; `ctx init` creates one in this folder",
        )
    return ctxstore.open(location.path)


def open_or_create(location: RepositoryLocation) -> tuple[Repo, bool]:
    """Opens the repository, and creates the user's default one if missing. Returns it and whether it is new."""
    import ctxstore

    if location.is_default and not ctxstore.exists(location.path):
        make_folders(location.path)
        try:
            return ctxstore.init(location.path), True
        except AlreadyExists:
            pass  # created by another process meanwhile, or not a repository: opening it reports which
    return open_repository(location), False
