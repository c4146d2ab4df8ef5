"""Names of packs and manifests: ``<epoch>-<128 random bits>``.

Never derived from content: a delete that comes late must not hit a twin that was uploaded again.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

from ctxstore.errors import Corrupt

MAX_EPOCH = (1 << 32) - 1
"""What a name has digits for."""

_NAME = re.compile(r"([0-9a-f]{8})-([0-9a-f]{32})\Z")


class PackInfo(NamedTuple):
    """A live pack as the root lists it. Sizes in bytes; `footer` includes the trailer."""

    name: str
    size: int
    footer: int
    objects: int
    raw: int

    @property
    def key(self) -> str:
        """Where the storage keeps it."""
        return f"packs/{self.name}"


def make_name(epoch: int, random: Callable[[int], bytes]) -> str:
    """A new name; `random(n)` gives n random bytes."""
    return f"{epoch:08x}-{random(16).hex()}"


def epoch_of(name: str) -> int | None:
    """The epoch a name was made in; None when it is no name of ours."""
    match = _NAME.match(name)
    return int(match[1], 16) if match else None


def number_of(name: str) -> int:
    """63 random bits of a name: its number in the index cache. Raises `Corrupt`."""
    match = _NAME.match(name)
    if not match:
        raise Corrupt(f"{name!r} is not a pack's name")
    return int(match[2][:16], 16) >> 1
