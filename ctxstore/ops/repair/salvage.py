"""Reads packs byte by byte, and finds the frames that are whole in those that are not."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from typing import NamedTuple

from ctxstore.errors import Corrupt, CtxstoreError, StorageError
from ctxstore.ids import ID_SIZE, IdKeys
from ctxstore.packs.format import FRAME_HEADER, FRAME_MAGIC, PACK_MAGIC, Footer, FrameEntry, decode_frame_header
from ctxstore.packs.frames import split_frame, unpack_frame
from ctxstore.packs.names import PackInfo
from ctxstore.packs.reader import find_footer, read_footer
from ctxstore.storage.protocol import Storage

_BLOCK = 1 << 20
_SECTOR = 512


class Examined(NamedTuple):
    """A pack all of whose bytes were read.

    `problem` is empty if it is whole. Else `footer` lists what its whole frames hold, and `lost` counts what was in
    the others (None: nobody knows).
    """

    info: PackInfo
    problem: str
    footer: Footer
    lost: int | None


def examine(storage: Storage, keys: IdKeys, key: str, listed: PackInfo | None = None) -> Examined:
    """Read a pack, known from the root or by its key only. A bad sector is damage. Raises `NotFound`, …"""
    size = storage.size(key)
    problem = "" if listed is None or listed.size == size else f"it has {size} bytes instead of {listed.size}"
    if _read(storage, key, 0, len(PACK_MAGIC)) != PACK_MAGIC:
        problem = problem or "it does not start as a pack does"
    found = _find_footer(storage, key, listed)
    whole = _Whole()
    damage = _read_listed(storage, keys, key, found[0], whole) if found else "its footer is damaged"
    if damage:
        # A frame need not be where the footer says: the file's beginning may be gone.
        known = {frame.offset for frame in whole.frames}
        for frame in _iter_frames(storage, keys, key, size):
            if frame.entry.offset not in known:
                whole.add(*frame)
    problem = problem or damage or _gaps(found, size)
    lost = len(set(split_ids(found[0].ids)).difference(whole.ids)) if found else None
    footer = whole.footer()
    name, end = key.rpartition("/")[2], found[1] if found else 0
    return Examined(PackInfo(name, size, end, len(footer.kinds), sum(footer.lengths)), problem, footer, lost)


def split_ids(ids: bytes) -> list[bytes]:
    """Joined ids, one by one."""
    return [ids[i : i + ID_SIZE] for i in range(0, len(ids), ID_SIZE)]


def _gaps(found: tuple[Footer, int] | None, size: int) -> str:
    if found is None:
        return ""
    stored = sum(frame.stored for frame in found[0].frames)
    return "" if len(PACK_MAGIC) + stored + found[1] == size else "it has bytes that belong to nothing"


class _Frame(NamedTuple):
    entry: FrameEntry
    ids: list[bytes]
    kinds: bytes
    lengths: list[int]


class _Whole:
    """The frames that are whole, as a footer lists them."""

    def __init__(self) -> None:
        self.frames: list[FrameEntry] = []
        self.ids: list[bytes] = []
        self.kinds = bytearray()
        self.lengths: list[int] = []

    def add(self, entry: FrameEntry, ids: list[bytes], kinds: bytes, lengths: list[int]) -> None:
        self.frames.append(entry)
        self.ids += ids
        self.kinds += kinds
        self.lengths += lengths

    def footer(self) -> Footer:
        return Footer(self.frames, b"".join(self.ids), bytes(self.kinds), self.lengths)


def _find_footer(storage: Storage, key: str, listed: PackInfo | None) -> tuple[Footer, int] | None:
    """The footer and its size, where the root says or, failing that, at the file's end."""
    if listed is not None:
        try:
            return read_footer(storage, listed), listed.footer
        except (Corrupt, StorageError) as error:
            _raise_unless_damage(error)
    try:
        return find_footer(storage, key)
    except (Corrupt, StorageError) as error:
        _raise_unless_damage(error)
        return None


def _read_listed(storage: Storage, keys: IdKeys, key: str, footer: Footer, whole: _Whole) -> str:
    """Read the frames a footer lists; the first thing that is wrong with them, or nothing."""
    problem = ""
    at = 0
    for number, entry in enumerate(footer.frames):
        ids = footer.ids[at * ID_SIZE : (at + entry.objects) * ID_SIZE]
        at += entry.objects
        try:
            frame = _read_frame(storage, keys, key, entry.offset, entry.stored)
        except Corrupt as error:
            problem = problem or f"frame {number}: {error.message}"
            continue
        if b"".join(frame.ids) != ids:
            problem = problem or f"frame {number}: its objects are not what the footer says"
        whole.add(*frame)
    return problem


def _read_frame(storage: Storage, keys: IdKeys, key: str, offset: int, stored: int) -> _Frame:
    """A frame whose check and descriptor are right, and its objects' true ids. Raises `Corrupt`."""
    header, raw = unpack_frame(_read(storage, key, offset, stored))
    kinds, ids, lengths = bytearray(), [], []
    try:
        for kind, data in split_frame(header, raw):
            ids.append(bytes(keys.id_of(kind, data)))
            kinds.append(kind)
            lengths.append(len(data))
    except KeyError as error:
        raise Corrupt("an unknown kind of object") from error
    entry = FrameEntry(offset, FRAME_HEADER + header.stored, header.raw, header.is_data, len(ids))
    return _Frame(entry, ids, bytes(kinds), lengths)


def _iter_frames(storage: Storage, keys: IdKeys, key: str, size: int) -> Iterator[_Frame]:
    """The whole frames of a pack without its footer: after a damaged one, the next start of one is looked for."""
    position = 0
    while position + FRAME_HEADER <= size:
        try:
            header = decode_frame_header(_read(storage, key, position, FRAME_HEADER))
            frame = _read_frame(storage, keys, key, position, FRAME_HEADER + header.stored)
        except Corrupt:
            position = _next_magic(storage, key, position + 1, size)
            continue
        position += FRAME_HEADER + header.stored
        yield frame


def _next_magic(storage: Storage, key: str, start: int, size: int) -> int:
    while start < size:
        at = _find_magic(storage, key, start, _BLOCK)
        if at is not None:
            return at
        start += _BLOCK
    return size


def _find_magic(storage: Storage, key: str, start: int, length: int) -> int | None:
    """Where a frame may begin in the `length` bytes from `start`; of what can't be read only the sector is left out."""
    try:
        at = _read(storage, key, start, length + len(FRAME_MAGIC) - 1).find(FRAME_MAGIC)
        return start + at if at >= 0 else None
    except Corrupt:
        if length <= _SECTOR:
            return None
    half = length // 2
    at_first = _find_magic(storage, key, start, half)
    return at_first if at_first is not None else _find_magic(storage, key, start + half, half)


def _read(storage: Storage, key: str, offset: int, length: int) -> bytes:
    """Bytes of a file; a bad sector is damage like any other. Raises `Corrupt`, `StorageError`."""
    try:
        return storage.get(key, offset, length)
    except StorageError as error:
        _raise_unless_damage(error)
        raise Corrupt(error.message) from error


def _raise_unless_damage(error: CtxstoreError) -> None:
    """No permission, say, is no damage: it can be mended without losing anything."""
    cause = error.__cause__
    if isinstance(error, StorageError) and not (isinstance(cause, OSError) and cause.errno == errno.EIO):
        raise error
