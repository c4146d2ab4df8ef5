"""The memories of a draft."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any

from sortedcontainers import SortedDict

from ctxstore.errors import InvalidInput
from ctxstore.history.engine import Engine
from ctxstore.objects.encoding import Json, decode_record, encode_record
from ctxstore.objects.store import ObjectWriter
from ctxstore.ops.content.view import decode_memory_key, encode_memory_key
from ctxstore.trees.entries import MapEntry


class DraftMemories(MutableMapping[str, Any]):
    """The memories of a draft: JSON values by key, sorted by key. Nothing is stored before the draft is committed."""

    def __init__(self, engine: Engine, base: MapEntry | None) -> None:
        self._engine = engine
        self._base = engine.maps.load(engine.store, base.id) if base else None
        self._edits: SortedDict[bytes, bytes | None] = SortedDict()

    @property
    def is_changed(self) -> bool:
        return bool(self._edits)

    def __setitem__(self, key: str, value: Json) -> None:
        if not isinstance(key, str):
            raise InvalidInput(f"a memory's key is a str, not {type(key).__name__}")
        self._engine.check_open()
        self._edits[encode_memory_key(key)] = encode_record(value)

    def __delitem__(self, key: str) -> None:
        self[key]  # raises KeyError if the key does not exist
        self._edits[encode_memory_key(key)] = None

    def __getitem__(self, key: str) -> Json:
        self._engine.check_open()
        encoded = encode_memory_key(key)
        data = self._edits[encoded] if encoded in self._edits else self._stored(encoded)
        if data is None:
            raise KeyError(key)
        return decode_record(data)

    def _stored(self, key: bytes) -> bytes | None:
        return self._base.find(key) if self._base is not None else None

    def __iter__(self) -> Iterator[str]:
        self._engine.check_open()
        stored = dict(self._base.items()) if self._base else {}
        for key, value in self._edits.items():
            if value is None:
                stored.pop(key, None)
            else:
                stored[key] = value
        return (decode_memory_key(key) for key in sorted(stored))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def write(self, writer: ObjectWriter) -> MapEntry:
        """Stores the edited map and returns its entry. Only nodes around the changed keys are written."""
        maps = self._engine.maps
        base = self._base or maps.load(writer, maps.create(writer, {}))
        id = maps.update(base, writer, self._edits)
        return MapEntry(id, len(maps.load(writer, id)))

    def adopt(self, entry: MapEntry) -> None:
        """Makes the map that was just stored the base of further edits."""

        self._base, self._edits = self._engine.maps.load(self._engine.store, entry.id), SortedDict()
