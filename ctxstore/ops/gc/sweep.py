"""Sweep: delete files that no root lists, as far as that is safe. docs/format/protocol.md."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ctxstore.errors import NotFound
from ctxstore.history.engine import Engine
from ctxstore.history.root import EPOCH_NS, RepositoryState
from ctxstore.packs.names import epoch_of
from ctxstore.storage.protocol import Presence, StoredValue

LAG = 2
"""Files of this many epochs ago that no root lists belong to no writer that could still publish them."""


class Deferred(NamedTuple):
    """Bytes that could not be deleted now, and why."""

    bytes: int = 0
    reason: str = ""


def sweep(engine: Engine, presence: Presence) -> Deferred:
    """Delete litter: all of it if no other writer is present, else what no writer can publish any more."""
    alone = presence.alone()
    root = engine.root()
    # The root may be one that a crash takes back, if its writer was killed before it was durable.
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
    return Deferred(deferred, f"other writers are at work; a gc without them frees it, or any gc from {hours} hours on")


def iter_litter(engine: Engine, root: RepositoryState) -> Iterator[StoredValue]:
    """Packs and manifests that the root does not list. Files with other names are somebody's, and left alone."""
    listed = {pack.key for pack in engine.roots.packs(root)} | {f"manifests/{root.manifest}"}
    for stored in iter_stored(engine):
        if stored.key not in listed and epoch_of(_name(stored)) is not None:
            yield stored


def iter_stored(engine: Engine) -> Iterator[StoredValue]:
    """All files in the folders of packs and manifests."""
    for folder in ("packs", "manifests"):
        try:
            yield from list(engine.storage.list(folder))
        except NotFound:
            continue


def _name(stored: StoredValue) -> str:
    return stored.key.partition("/")[2]


def _epoch(stored: StoredValue) -> int:
    epoch = epoch_of(_name(stored))
    assert epoch is not None
    return epoch
