"""The examination of packs: reads every byte, and finds the intact frames of a damaged pack."""

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
"""The bytes that are searched at once for the start of a frame."""

_SECTOR = 512
"""The smallest unreadable part of a file, in bytes."""


class ExaminedPack(NamedTuple):
    """A pack of which every byte was read.

    `problem` is empty if the pack is intact. `footer` lists the objects of the intact frames. `lost` counts the objects
    of the other frames, or is None if the footer is unreadable and their number unknown.
    """

    info: PackInfo
    problem: str
    footer: Footer
    lost: int | None


def examine_pack(storage: Storage, keys: IdKeys, key: str, listed: PackInfo | None = None) -> ExaminedPack:
    """Reads every byte of a pack. `listed` is the root's entry of the pack, or None if only its key is known.

    An unreadable sector counts as damage. Raises `NotFound` if the pack does not exist, and `StorageError` for other
    errors of the storage.
    """
    size = storage.size(key)
    problem = "" if listed is None or listed.size == size else f"it has {size} bytes instead of {listed.size}"
    if _read(storage, key, 0, len(PACK_MAGIC)) != PACK_MAGIC:
        problem = problem or "it does not start with the header of a pack"
    found = _find_footer(storage, key, listed)
    intact = _IntactFrames()
    damage = _read_listed(storage, keys, key, found.footer, intact) if found else "its footer is damaged"
    if damage:
        # A frame need not be at the offset in the footer: the start of the file may be lost.
        known = {frame.offset for frame in intact.frames}
        for frame in _iter_frames(storage, keys, key, size):
            if frame.entry.offset not in known:
                intact.add(*frame)
    problem = problem or damage or _check_size(found, size)
    lost = len(set(split_ids(found.footer.ids)).difference(intact.ids)) if found else None
    footer = intact.footer()
    name, footer_size = key.rpartition("/")[2], found.size if found else 0
    return ExaminedPack(
        PackInfo(name, size, footer_size, len(footer.kinds), sum(footer.lengths)), problem, footer, lost
    )


def split_ids(ids: bytes) -> list[bytes]:
    """Splits concatenated ids."""
    return [ids[i : i + ID_SIZE] for i in range(0, len(ids), ID_SIZE)]


class _FoundFooter(NamedTuple):
    """A footer, and its size in bytes with the trailer."""

    footer: Footer
    size: int


def _check_size(found: _FoundFooter | None, size: int) -> str:
    """Returns a problem if the pack has bytes beside its frames and its footer, otherwise an empty str."""
    if found is None:
        return ""
    frames = sum(frame.stored for frame in found.footer.frames)
    is_exact = len(PACK_MAGIC) + frames + found.size == size
    return "" if is_exact else "it has bytes that belong to no frame"


class _Frame(NamedTuple):
    """An intact frame: its entry of a footer, and the ids, kinds and lengths of its objects."""

    entry: FrameEntry
    ids: list[bytes]
    kinds: bytes
    lengths: list[int]


class _IntactFrames:
    """The intact frames of a pack, collected into a footer."""

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


def _find_footer(storage: Storage, key: str, listed: PackInfo | None) -> _FoundFooter | None:
    """Reads the footer at the position from the root or, if that fails, at the end of the file. None: unreadable."""
    if listed is not None:
        try:
            return _FoundFooter(read_footer(storage, listed), listed.footer)
        except (Corrupt, StorageError) as error:
            _raise_unless_damage(error)
    try:
        return _FoundFooter(*find_footer(storage, key))
    except (Corrupt, StorageError) as error:
        _raise_unless_damage(error)
        return None


def _read_listed(storage: Storage, keys: IdKeys, key: str, footer: Footer, intact: _IntactFrames) -> str:
    """Reads the frames that a footer lists and adds the intact ones to `intact`. Returns the first problem, or ""."""
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
            problem = problem or f"frame {number}: its objects are not those in the footer"
        intact.add(*frame)
    return problem


def _read_frame(storage: Storage, keys: IdKeys, key: str, offset: int, stored: int) -> _Frame:
    """Reads a frame, verifies its check and its descriptor, and hashes its objects. Raises `Corrupt`."""
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
    """Yields the intact frames of a pack without using its footer. After a damaged one, searches for the next start."""
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
    """Returns the next position where a frame may start, or `size` if there is none."""
    while start < size:
        data = storage.next_data(key, start)
        if data is None:
            break  # a hole, which may be larger than anything that can be read
        at = _find_magic(storage, key, data, _BLOCK)
        if at is not None:
            return at
        start = data + _BLOCK
    return size


def _find_magic(storage: Storage, key: str, start: int, length: int) -> int | None:
    """Searches for the start of a frame in the `length` bytes from `start`.

    If a part cannot be read, the search halves it until only the unreadable sector is skipped.
    """
    try:
        at = _read(storage, key, start, length + len(FRAME_MAGIC) - 1).find(FRAME_MAGIC)
        return start + at if at >= 0 else None
    except Corrupt:
        if length <= _SECTOR:
            return None
    half = length // 2
    in_first_half = _find_magic(storage, key, start, half)
    return in_first_half if in_first_half is not None else _find_magic(storage, key, start + half, half)


def _read(storage: Storage, key: str, offset: int, length: int) -> bytes:
    """Reads bytes of a file. Raises `Corrupt` for an unreadable sector, `StorageError` for other errors."""
    try:
        return storage.get(key, offset, length)
    except StorageError as error:
        _raise_unless_damage(error)
        raise Corrupt(error.message) from error


def _raise_unless_damage(error: CtxstoreError) -> None:
    """Raises a `StorageError` that is not damage.

    Only an I/O error (EIO) is damage. Other errors, such as a missing permission, can be fixed without losing data.
    """
    cause = error.__cause__
    if isinstance(error, StorageError) and not (isinstance(cause, OSError) and cause.errno == errno.EIO):
        raise error
