"""Names of packs and manifests: ``<epoch>-<128 random bits>``.

A name is never derived from content. If it were, a late delete could hit a new file with the same content.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

from ctxstore.errors import Corrupt

MAX_EPOCH = (1 << 32) - 1
"""The highest epoch that fits the eight hex digits of a name."""

_NAME = re.compile(r"([0-9a-f]{8})-([0-9a-f]{32})\Z")


class PackInfo(NamedTuple):
    """A live pack as the root lists it.

    `size` is the size of the file and `footer` that of its footer with trailer. `raw` is the sum of its objects'
    lengths. All three are in bytes. `objects` is a count.
    """

    name: str
    size: int
    footer: int
    objects: int
    raw: int

    @property
    def key(self) -> str:
        """The pack's key in the storage."""
        return f"packs/{self.name}"


def make_name(epoch: int, random: Callable[[int], bytes]) -> str:
    """Returns a new name of this epoch. `random(n)` must return n random bytes."""
    return f"{epoch:08x}-{random(16).hex()}"


def epoch_of(name: str) -> int | None:
    """Returns the epoch in a name, or None if `name` does not have the form of such a name."""
    match = _NAME.match(name)
    return int(match[1], 16) if match else None


def number_of(name: str) -> int:
    """Returns the first 63 random bits of a pack's name: its number in the index cache. Raises `Corrupt`."""
    match = _NAME.match(name)
    if not match:
        raise Corrupt(f"{name!r} is not a valid pack name")
    return int(match[2][:16], 16) >> 1
