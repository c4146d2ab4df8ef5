"""The check that a folder of the local file system may become a repository."""

from __future__ import annotations

from ctxstore.errors import AlreadyExists
from ctxstore.storage.files import Files

FOLDERS = ("packs", "manifests", "cache")

UNFINISHED = {"config", "reserve", "root.lock", "root.new", "root.old", "writers.lock", *FOLDERS}
"""The names that an interrupted creation leaves. The next one continues from there."""


def refuse_other_content(files: Files, path: str, real_path: str) -> None:
    """Raises `AlreadyExists` if `path` is not a folder, or contains anything but an unfinished repository.

    A path that does not exist is fine. `real_path` is the path after links. Other failures raise `OSError`.
    """
    try:
        names = files.names(real_path)
    except FileNotFoundError:
        if files.is_link(path):  # to a path that does not exist
            raise _not_a_folder(path) from None
        return
    except NotADirectoryError:
        raise _not_a_folder(path) from None
    if set(names) - UNFINISHED:
        raise AlreadyExists(f"{path} is not empty", hint="give a new or empty folder")


def _not_a_folder(path: str) -> AlreadyExists:
    return AlreadyExists(f"{path} exists and is not a folder", hint="give a new or empty folder")
