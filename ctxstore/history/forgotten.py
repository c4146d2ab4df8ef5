"""Forgotten commits: their records stay in the log, their trees become garbage. docs/format/history.md is normative."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ctxstore.errors import Corrupt
from ctxstore.history.commits import decode_integer, decode_text, encode_text
from ctxstore.ids import ID_SIZE, ObjectId
from ctxstore.objects.encoding import decode_structure, encode_structure
from ctxstore.trees.maps import Maps, MapView, map_differences
from ctxstore.trees.sequence import Getter, Putter

DAMAGED = "damaged: "
"""The start of the reason for a commit that a repair gave up. Even the record of such a commit may be missing."""


class Forgotten(NamedTuple):
    """The mark of a forgotten commit: when it was forgotten, in UTC nanoseconds, and why."""

    time: int
    reason: str


class ForgottenCommits:
    """The map of forgotten commits at one moment."""

    __slots__ = ("_map",)

    def __init__(self, view: MapView | None) -> None:
        self._map = view

    @classmethod
    def load(cls, maps: Maps, getter: Getter, id: ObjectId | None) -> ForgottenCommits:
        """Reads the map with this id, or returns an empty one for None. Raises `NotFound`, `Corrupt`."""
        return cls(maps.load(getter, id) if id is not None else None)

    def __len__(self) -> int:
        return len(self._map) if self._map else 0

    def __contains__(self, id: object) -> bool:
        return isinstance(id, bytes) and self._map is not None and self._map.find(id) is not None

    def find(self, id: ObjectId) -> Forgotten | None:
        """Returns a commit's mark, or None if the commit is not forgotten."""
        value = self._map.find(id) if self._map else None
        return None if value is None else decode_forgotten(value)

    def is_given_up(self, id: ObjectId) -> bool:
        """Whether a repair forgot the commit because it was damaged."""
        mark = self.find(id)
        return mark is not None and mark.reason.startswith(DAMAGED)

    def ids(self) -> Iterator[ObjectId]:
        """Yields the forgotten commits' ids, sorted."""
        for item in self._map.sequence.leaves() if self._map else ():
            yield _commit_id(item[0])

    def differences(self, new: ForgottenCommits) -> Iterator[tuple[ObjectId, Forgotten | None, Forgotten | None]]:
        """Yields (commit, its mark here, its mark in `new`) for marks that differ. None means not forgotten."""
        if self._map is None or new._map is None:
            yield from ((id, self.find(id), new.find(id)) for id in (*self.ids(), *new.ids()))
            return
        for key, a, b in map_differences(self._map, new._map):
            yield _commit_id(key), a and decode_forgotten(a), b and decode_forgotten(b)  # type: ignore[misc]

    def updated(self, maps: Maps, putter: Putter, edits: Mapping[ObjectId, Forgotten | None]) -> ObjectId | None:
        """Stores a copy of the map with `edits` applied, and returns the id of the copy.

        `edits` maps each commit to its new mark, or to None to remove the mark. Returns None if the repository has
        no such map yet and `edits` add no mark.
        """
        values = {bytes(id): encode_forgotten(mark) if mark else None for id, mark in edits.items()}
        if self._map is not None:
            return maps.update(self._map, putter, values)
        added = {id: value for id, value in values.items() if value is not None}
        return maps.create(putter, added) if added else None


def encode_forgotten(mark: Forgotten) -> bytes:
    """Encodes a mark as a value of the map."""
    return encode_structure([mark.time, encode_text(mark.reason)])


def decode_forgotten(data: bytes) -> Forgotten:
    """Decodes a value of the map. Raises `Corrupt`."""
    fields = decode_structure(data)
    try:
        time, reason = fields
        if type(fields) is not list:
            raise ValueError
        return Forgotten(decode_integer(time), decode_text(reason))
    except (TypeError, ValueError) as error:
        raise Corrupt("the mark of a forgotten commit is malformed") from error


def _commit_id(key: bytes) -> ObjectId:
    if len(key) != ID_SIZE:
        raise Corrupt("the map of forgotten commits is malformed")
    return ObjectId(key)
