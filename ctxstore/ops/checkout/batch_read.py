"""Brings the contents of many files out of the store, frame by frame.

Chunks of one file lie in the frames of all the snapshots that added to it. Read file by file, each frame
would be decompressed again and again; so the pieces of a batch of files are sorted by frame, every frame
is decompressed once (by a thread, ahead of the writing), and every chunk is hashed once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from ctxstore.errors import Corrupt, NotFound
from ctxstore.history.engine import Engine
from ctxstore.ids import Kind, ObjectId, format_id
from ctxstore.packs.frames import unpack_frame
from ctxstore.trees.entries import FileEntry
from ctxstore.trees.files import content_sequence

_FRAMES_AHEAD = 2
"""Frames decompressed ahead: bounds memory."""


class _Piece(NamedTuple):
    """A chunk's place in its raw frame, and the file and offset it goes to."""

    frame_offset: int
    length: int
    file: int
    file_offset: int
    id: ObjectId


class _Frame(NamedTuple):
    pack: str
    offset: int
    stored_size: int


Write = Callable[[int, int, memoryview], None]
"""write(file, offset, bytes)"""


def fetch(engine: Engine, entries: Sequence[FileEntry], write: Write) -> None:
    """Give `write` all bytes of the files, each checked, some perhaps twice. Raises `Corrupt`, `NotFound`."""
    try:
        _fetch(engine, entries, write)
    except Corrupt:
        # Before a pack is blamed, the index cache is: it is only a copy.
        engine.store.index.forget_cache()
        _fetch(engine, entries, write)


def storage_order(engine: Engine, id: ObjectId | None) -> tuple[str, int]:
    """Pack and frame where an object lies, as far as that is known without reading: an order for many reads."""
    try:
        location = engine.store.index.find(id) if id is not None else None
    except (Corrupt, NotFound):
        location = None  # reading it will say so
    return (location.pack, location.frame) if location else ("", 0)


def _fetch(engine: Engine, entries: Sequence[FileEntry], write: Write) -> None:
    frames: dict[_Frame, list[_Piece]] = {}
    for number, entry in enumerate(entries):
        for frame, piece in _pieces(engine, number, entry):
            frames.setdefault(frame, []).append(piece)
    for frame, raw in _iter_decompressed(engine, sorted(frames)):
        pieces = sorted(frames[frame])
        if raw is not None and _is_intact(engine, memoryview(raw), pieces):
            _write_frame(memoryview(raw), pieces, write)
        else:
            _write_one_by_one(engine, pieces, write)


def _pieces(engine: Engine, number: int, entry: FileEntry) -> Iterator[tuple[_Frame, _Piece]]:
    sequence = content_sequence(engine.store, entry)
    offset = 0
    for size, id, _ in sequence.leaves() if sequence else ():
        location = engine.store.index.find(id)
        if location is None or location.length != size:
            raise Corrupt(f"chunk {format_id(id)} is missing or not of the size its list says")
        frame = _Frame(location.pack, location.frame, location.stored)
        yield frame, _Piece(location.start, size, number, offset, id)
        offset += size
    if offset != entry.size:
        raise Corrupt("a file's chunks are not what its size says")


def _iter_decompressed(engine: Engine, frames: list[_Frame]) -> Iterator[tuple[_Frame, bytes | None]]:
    """(frame, its raw bytes) in order; None for one that can't be read where the index says."""
    if len(frames) < 2:
        yield from ((frame, _read(engine, frame)) for frame in frames)
        return
    from concurrent.futures import Future, ThreadPoolExecutor

    waiting: deque[tuple[_Frame, Future[bytes | None]]] = deque()
    with ThreadPoolExecutor(1, thread_name_prefix="ctxstore-read") as pool:
        try:
            for frame in frames:
                waiting.append((frame, pool.submit(_read, engine, frame)))
                if len(waiting) > _FRAMES_AHEAD:
                    done, future = waiting.popleft()
                    yield done, future.result()
            while waiting:
                done, future = waiting.popleft()
                yield done, future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _read(engine: Engine, frame: _Frame) -> bytes | None:
    try:
        return unpack_frame(engine.storage.get(f"packs/{frame.pack}", frame.offset, frame.stored_size))[1]
    except (NotFound, Corrupt):
        return None


def _write_frame(raw: memoryview, pieces: list[_Piece], write: Write) -> None:
    by_target = sorted(pieces, key=lambda piece: (piece.file, piece.file_offset))
    first = last = by_target[0]
    for piece in by_target[1:]:
        # Chunks that follow each other in the frame and in the file are written at once.
        follows = (
            piece.file == last.file
            and piece.frame_offset - last.frame_offset == piece.file_offset - last.file_offset == last.length
        )
        if not follows:
            write(first.file, first.file_offset, raw[first.frame_offset : last.frame_offset + last.length])
            first = piece
        last = piece
    write(first.file, first.file_offset, raw[first.frame_offset : last.frame_offset + last.length])


def _is_intact(engine: Engine, raw: memoryview, pieces: list[_Piece]) -> bool:
    id_of, verified = engine.keys.id_of, None
    for piece in pieces:
        if piece.id != verified:
            if id_of(Kind.CHUNK, raw[piece.frame_offset : piece.frame_offset + piece.length]) != piece.id:
                return False
            verified = piece.id
    return True


def _write_one_by_one(engine: Engine, pieces: list[_Piece], write: Write) -> None:
    """For a frame that was merged away meanwhile, or is damaged: the store knows where else to look."""
    for piece in pieces:
        write(piece.file, piece.file_offset, memoryview(engine.store.get(piece.id, Kind.CHUNK)))
