"""The parts of a home that are saved besides its tasks."""

from typing import NamedTuple


class TaskShape(NamedTuple):
    """The files and folders of a home that are taken besides tasks, as paths below it, without `secrets` in them."""

    files: tuple[str, ...]
    folders: tuple[str, ...]
    secrets: frozenset[str] = frozenset()
