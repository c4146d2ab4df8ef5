"""The links below a target folder that a checkout writes through."""

from __future__ import annotations

import os
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from ctxstore.errors import Conflict


class LinkPolicy(NamedTuple):
    """The links that are followed: those that the source reads through, too.

    `own` are paths at which a link is itself part of the context: these are never followed. If `boundary` is not empty,
    it is a resolved folder that no link may lead out of.
    """

    own: AbstractSet[str] = frozenset()
    boundary: str = ""

    def follows(self, path: str) -> bool:
        """Whether a link at this path, relative to the target, is followed."""
        return path not in self.own

    def check(self, path: str) -> str:
        """Returns the place that an absolute path leads to. Raises `Conflict` if it is beyond the boundary."""
        real = os.path.realpath(path)
        if self.boundary and not is_inside(real, self.boundary):
            raise Conflict(
                f"{path} leads out of {self.boundary}, to {real}",
                hint="remove the link, or restore with --to DIR",
            )
        return real


def is_inside(path: str, folder: str) -> bool:
    """Whether a resolved path is a resolved folder, or below it."""
    return path == folder or path.startswith(os.path.join(folder, ""))
