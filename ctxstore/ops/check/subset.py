"""The selection of the packs that a check reads: a random share, or one of several slices that cover all packs."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from random import Random
from typing import NamedTuple

from ctxstore.errors import InvalidInput
from ctxstore.packs.names import PackInfo, number_of

_SHARE = re.compile(r"(\d{1,3}(?:\.\d{1,6})?)%\Z")
_SLICE = re.compile(r"(\d{1,9})/(\d{1,9})\Z")


class Subset(NamedTuple):
    """A selection of packs: a random `share` of all bytes, or if it is None, slice `number` of `slices`."""

    share: float | None = None
    number: int = 1
    slices: int = 1

    def choose(self, packs: Sequence[PackInfo], random: Callable[[int], bytes]) -> set[str]:
        """Returns the names of the packs to read. A pack is always in the same slice, whatever other packs exist."""
        if self.share is None:
            return {pack.name for pack in packs if number_of(pack.name) % self.slices == self.number - 1}
        shuffled = sorted(packs)
        Random(random(16)).shuffle(shuffled)
        wanted = sum(pack.size for pack in packs) * self.share
        chosen: set[str] = set()
        for pack in shuffled:
            if wanted <= 0:
                break
            chosen.add(pack.name)
            wanted -= pack.size
        return chosen


def parse_subset(text: str) -> Subset:
    """Parses a share such as ``5%`` or a slice such as ``2/7``. Raises `InvalidInput`."""
    if (share := _SHARE.match(text)) and 0 < float(share[1]) <= 100:
        return Subset(share=float(share[1]) / 100)
    if (part := _SLICE.match(text)) and 1 <= int(part[1]) <= int(part[2]):
        return Subset(number=int(part[1]), slices=int(part[2]))
    raise InvalidInput(
        f"{text!r} is not a subset of the data",
        hint="write a share such as 5%, or a slice such as 2/7 (the second of seven)",
    )
