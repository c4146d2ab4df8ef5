"""The histories of Codex's threads, which may begin in other rollouts.

A fork, or a thread whose turns were taken back, has a rollout with only its own records. Its first one says what
precedes: ``history_base {thread_id, end_ordinal_exclusive, end_byte_offset}`` names a rollout by its id, and the bytes
of it, unpacked, that count. Codex 0.153 to 0.169 left it out after a thread's turns were taken back.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import msgspec

from ctxstore.sources.codex.compressed import unpack
from ctxstore.sources.codex.records import META
from ctxstore.sources.codex.rollouts import PACKED, rollout_of, rollouts_of
from ctxstore.sources.codex.transcript import make_scanner
from ctxstore.sources.jsonl.lenient_json import DECODE_ERRORS
from ctxstore.sources.lineage import ContinuedFile, HistoryBase, first_line, limit, trace
from ctxstore.sources.protocol import Attributes
from ctxstore.sources.resumable import FileEdit, StoredContext
from ctxstore.sources.walk import open_file

_BLOCK = 1 << 20


class _Base(msgspec.Struct):
    thread_id: str = ""
    end_byte_offset: int = -1


class _Payload(msgspec.Struct):
    history_base: _Base | None = None
    forked_from_id: Any = None


class _Head(msgspec.Struct):
    type: Any = None
    payload: _Payload | None = None


class MovedBase(NamedTuple):
    """The number of bytes of a base rollout that belong to the history of the rollout that continues it, before and
    after an edit of the base."""

    before: int
    after: int

    def edit(self, record: bytes) -> bytes:
        """Returns a rollout's first record with the number of bytes after the edit of its base."""
        return re.sub(_END % self.before, rb"\g<1>%d" % self.after, record, count=1)


_END = rb'("end_byte_offset"\s*:\s*)%d(?![0-9])'

_decode = msgspec.json.Decoder(_Head).decode


def base_of(context: str, key: str, keys: Iterable[str], head: bytes) -> HistoryBase | None:
    """Returns the base that a rollout's first record names, or None if it continues no other rollout."""
    try:
        found = _decode(head)
    except DECODE_ERRORS:
        return None
    payload = found.payload
    if found.type != META or payload is None:
        return None
    base = payload.history_base
    if base is None:
        return _previous(context, key, keys)
    if not base.thread_id or base.end_byte_offset < 0:
        return None
    sessions = (base.thread_id, payload.forked_from_id)
    return HistoryBase(base.thread_id, base.end_byte_offset, tuple(id for id in sessions if isinstance(id, str)))


def file_with(id: str, keys: Iterable[str]) -> str | None:
    """Returns the key of the rollout with this id, or None if there is none. A plain rollout is preferred to its packed
    copy."""
    found = [key for key in keys if (rollout := rollout_of(key)) and rollout.id == id]
    return min(found, key=lambda key: (key.endswith(PACKED), key), default=None)


def iter_rollout(home: str, key: str, end: int | None = None) -> Iterator[bytes]:
    """Yields the unpacked bytes of a rollout at `home` up to the position `end`. Yields nothing if the rollout cannot
    be read."""
    blocks = _read(os.path.join(home, key))
    return limit(unpack(blocks) if key.endswith(PACKED) else blocks, end)


def may_inherit(home: str, key: str) -> bool:
    """Whether the rollout has a base, or is a later one of its thread."""
    rollout = rollout_of(key)
    head = first_line(iter_rollout(home, key))
    return bool(rollout and (rollout.segment or base_of(rollout.context, key, (key,), head)))


def inherited_attributes(home: str, key: str, keys: list[str]) -> Attributes | None:
    """Returns the attributes of the history before the rollout `key`. `keys` are all rollouts of the home."""

    def base(key: str) -> tuple[str, int | None] | None:
        rollout = rollout_of(key)
        found = base_of(rollout.context if rollout else "", key, keys, first_line(iter_rollout(home, key)))
        place = file_with(found.file, keys) if found else None
        return (place, found.end) if found and place else None

    known: Attributes | None = None
    for place, end in trace(key, base)[:-1]:
        scanner = make_scanner(known)
        for block in iter_rollout(home, place, end):
            scanner.feed(block)
        known = scanner.finish()
    return known


def iter_bases(home: str, keys: list[str]) -> Iterator[ContinuedFile]:
    """Yields the base of each of the rollouts `keys` at `home` that continues another one."""
    for key in keys:
        rollout = rollout_of(key)
        context = rollout.context if rollout else ""
        if base := base_of(context, key, keys, first_line(iter_rollout(home, key))):
            yield ContinuedFile(context, key, base)


def moved_base(stored: StoredContext, key: str, edit: Callable[[str], FileEdit]) -> MovedBase | None:
    """Returns the size of a stored rollout's base before and after the edits of a checkout.

    Returns None if the rollout has no base, or one that the checkout does not write.
    """
    base = stored_base(stored, key)
    place, end = base or ("", None)
    if end is None or place in stored.unchanged:
        return None
    return MovedBase(end, sum(map(len, edit(place)(limit(iter_stored(stored, place), end)))))


def stored_base(stored: StoredContext, key: str) -> tuple[str, int | None] | None:
    """Returns the base of the stored rollout `key`, or None if it has none.

    The result is the base's key, and the end of the bytes that the rollout inherits (None: all bytes).
    """
    base = base_of(stored.context, key, stored.keys, first_line(iter_stored(stored, key)))
    place = file_with(base.file, stored.keys) if base else None
    return (place, base.end) if base and place else None


def iter_stored(stored: StoredContext, key: str) -> Iterator[bytes]:
    """Yields the bytes of a stored rollout, unpacked."""
    blocks = stored.read(key)
    return unpack(blocks) if key.endswith(PACKED) else blocks


def _previous(context: str, key: str, keys: Iterable[str]) -> HistoryBase | None:
    """Returns the whole rollout that precedes this one in its thread, for a rollout whose first record names no
    base."""
    rollout = rollout_of(key)
    if rollout is None or not rollout.segment:
        return None
    older = [each for each in map(rollout_of, rollouts_of(context, keys)) if each and each[:2] <= rollout[:2]]
    ids = [each.id for each in older if each.id != rollout.id]
    return HistoryBase(ids[-1], None, (rollout.thread,)) if ids else None


def _read(path: str) -> Iterator[bytes]:
    try:
        with open_file(path) as file:
            while block := file.read(_BLOCK):
                yield block
    except OSError:
        return
