"""The sweep: deletes files that no root lists, as far as this is safe. See docs/format/protocol.md."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ctxstore.errors import NotFound
from ctxstore.history.engine import Engine
from ctxstore.history.root import EPOCH_NS, RepositoryState
from ctxstore.packs.names import epoch_of
from ctxstore.storage.protocol import Presence, StoredValue

LAG = 2
"""Unlisted files that are this many epochs old belong to no writer that could still publish them."""


class Deferred(NamedTuple):
    """Bytes that could not be deleted now, and the reason."""

    bytes: int = 0
    reason: str = ""


def sweep(engine: Engine, presence: Presence) -> Deferred:
    """Deletes unlisted files. If other writers are present, only files that none of them can still publish."""
    alone = presence.alone()
    root = engine.root()
    # Make the root durable first: if its writer was killed before, a crash could bring an older root back.
    engine.storage.settle()
    deferred = 0
    for stored in iter_litter(engine, root):
        if alone or _epoch(stored) <= root.epoch - LAG:
            engine.storage.delete(stored.key)
        else:
            deferred += stored.size
    if not deferred:
        return Deferred()
    hours = EPOCH_NS * LAG // (3600 * 10**9)
    return Deferred(
        deferred, f"other writers are active; a gc without other writers frees it, or any gc after {hours} hours"
    )


def iter_litter(engine: Engine, root: RepositoryState) -> Iterator[StoredValue]:
    """Yields the packs and manifests that the root does not list. Files with other names are not ours and are kept."""
    listed = {pack.key for pack in engine.roots.packs(root)} | {f"manifests/{root.manifest}"}
    for stored in iter_stored(engine):
        if stored.key not in listed and epoch_of(_name(stored)) is not None:
            yield stored


def iter_stored(engine: Engine) -> Iterator[StoredValue]:
    """Yields all files in the folders of packs and manifests."""
    for folder in ("packs", "manifests"):
        try:
            yield from list(engine.storage.list(folder))
        except NotFound:
            continue


def _name(stored: StoredValue) -> str:
    """Returns the file's name without its folder."""
    return stored.key.partition("/")[2]


def _epoch(stored: StoredValue) -> int:
    """Returns the epoch in the file's name."""
    epoch = epoch_of(_name(stored))
    assert epoch is not None
    return epoch
