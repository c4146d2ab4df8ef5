"""The reading of many files from the store at once, frame by frame.

The chunks of one file are spread over the frames of all snapshots that added to it. If files were read one by one, the
same frames would be decompressed again and again. Therefore the pieces of a batch of files are sorted by frame. Each
frame is decompressed once, by a thread that runs ahead of the writing. Each chunk is hashed once.
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
"""Frames decompressed ahead of the writing. This bounds the memory used."""


class _Piece(NamedTuple):
    """A chunk: its offset and length in the decompressed frame, and the file and offset that it is written to."""

    frame_offset: int
    length: int
    file: int
    file_offset: int
    id: ObjectId


class _Frame(NamedTuple):
    """A frame: its pack, its offset there and its size before decompression."""

    pack: str
    offset: int
    stored_size: int


Write = Callable[[int, int, memoryview], None]
"""A callback that writes bytes: (number of the file, offset, bytes)."""


def fetch(engine: Engine, entries: Sequence[FileEntry], write: Write) -> None:
    """Passes all bytes of the files to `write`. Every chunk is verified, and some may be passed twice.

    Raises `Corrupt` or `NotFound`.
    """
    try:
        _fetch(engine, entries, write)
    except Corrupt:
        # The index cache is only a copy and may be wrong. Discard it and read again before reporting a pack as corrupt.
        engine.store.index.forget_cache()
        _fetch(engine, entries, write)


def storage_order(engine: Engine, id: ObjectId | None) -> tuple[str, int]:
    """Returns the pack and frame of an object, as a sort key for reading many objects.

    The key is ("", 0) if the location is not known without reading the object.
    """
    try:
        location = engine.store.index.find(id) if id is not None else None
    except (Corrupt, NotFound):
        location = None  # reading the object will report the error
    return (location.pack, location.frame) if location else ("", 0)


def _fetch(engine: Engine, entries: Sequence[FileEntry], write: Write) -> None:
    """Groups the chunks of all files by frame, and writes one frame after the other."""
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
    """Yields the frame and the piece of each chunk of one file."""
    sequence = content_sequence(engine.store, entry)
    offset = 0
    for size, id, _ in sequence.leaves() if sequence else ():
        location = engine.store.index.find(id)
        if location is None or location.length != size:
            raise Corrupt(f"chunk {format_id(id)} is missing, or its size differs from the size in the file's list")
        frame = _Frame(location.pack, location.frame, location.stored)
        yield frame, _Piece(location.start, size, number, offset, id)
        offset += size
    if offset != entry.size:
        raise Corrupt("the chunks of a file do not add up to its size")


def _iter_decompressed(engine: Engine, frames: list[_Frame]) -> Iterator[tuple[_Frame, bytes | None]]:
    """Yields each frame with its decompressed bytes, in order. The bytes are None if the frame can't be read there."""
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
    """Reads and decompresses one frame. Returns None if it is missing or corrupt."""
    try:
        return unpack_frame(engine.storage.get(f"packs/{frame.pack}", frame.offset, frame.stored_size))[1]
    except (NotFound, Corrupt):
        return None


def _write_frame(raw: memoryview, pieces: list[_Piece], write: Write) -> None:
    """Writes the pieces of one frame."""
    by_target = sorted(pieces, key=lambda piece: (piece.file, piece.file_offset))
    first = last = by_target[0]
    for piece in by_target[1:]:
        # Chunks that are adjacent both in the frame and in the file are written at once.
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
    """Whether each piece of the frame has the expected hash."""
    id_of, verified = engine.keys.id_of, None
    for piece in pieces:
        if piece.id != verified:
            if id_of(Kind.CHUNK, raw[piece.frame_offset : piece.frame_offset + piece.length]) != piece.id:
                return False
            verified = piece.id
    return True


def _write_one_by_one(engine: Engine, pieces: list[_Piece], write: Write) -> None:
    """Reads the chunks of one frame through the store, which also searches other packs.

    This is needed if the frame is damaged, or if a writer merged its pack into another one.
    """
    for piece in pieces:
        write(piece.file, piece.file_offset, memoryview(engine.store.get(piece.id, Kind.CHUNK)))
