"""The writer of packs: fills frames with objects and streams them into packs."""

import os
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from ctxstore.errors import StorageError
from ctxstore.packs.format import MAX_OBJECT, PACK_MAGIC, Footer, FrameEntry, encode_footer
from ctxstore.packs.frames import ORDINARY, Frame, Packed, Settings, pack_frame
from ctxstore.packs.names import PackInfo, make_name
from ctxstore.storage.protocol import Sink, Storage

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

PACK_TARGET = 64 << 20
"""The size in bytes at which a pack is closed."""

PACK_OBJECTS = 1 << 18
FRAME_OBJECTS = 1 << 18
"""The number of objects at which a pack or a frame is closed, however small it is. Readers refuse more than 2²² objects
in either, so a writer must not write them."""

_SMALL_PACK = 16 << 10
"""The most raw bytes of a pack whose content and structure share a frame."""

_MAX_QUEUE = 3
"""The most frames that wait for a compressor thread. This bounds memory."""


class NewPack(NamedTuple):
    """A durable pack that no root lists yet."""

    info: PackInfo
    footer: Footer


class PackWriter:
    """Appends objects to packs of one epoch.

    Content and structure go to different frames. Threads (two by default) compress full frames while the caller
    continues. `flush` compresses the last frames without threads, so that a short run does not start any.
    """

    def __init__(
        self,
        storage: Storage,
        epoch: int,
        *,
        settings: Settings = ORDINARY,
        random: Callable[[int], bytes] = os.urandom,
        on_pack: Callable[[NewPack], None] | None = None,
    ) -> None:
        self._storage = storage
        self._epoch = epoch
        self._settings = settings
        self._random = random
        self._on_pack = on_pack
        self._process = os.getpid()
        self._frames = {True: Frame(True), False: Frame(False)}
        self._queue: deque[tuple[Frame, Future[Packed]]] = deque()
        self._pool: ThreadPoolExecutor | None = None
        self._open: _OpenPack | None = None
        self._done: list[PackInfo] = []
        self._spare: list[bytearray] = []
        self.raw_bytes = 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing was added since the last `flush`."""
        return not (self._open or self._done or self._queue or any(f.ids for f in self._frames.values()))

    def add(self, kind: int, id: bytes, data: bytes | memoryview, is_data: bool) -> None:
        """Appends one object: content if `is_data` is true, else structure."""
        frame = self._frames[is_data]
        length = len(data)
        if frame.size + length > MAX_OBJECT and frame.ids:
            self._close_frame(is_data)  # with this object, the frame could be larger than readers accept
            frame = self._frames[is_data]
        frame.add(kind, id, data)
        self.raw_bytes += length
        if frame.size >= self._settings.size or len(frame.ids) >= FRAME_OBJECTS:
            self._close_frame(is_data)

    def pending_frames(self) -> list[Frame]:
        """Returns the frames that are in no pack yet."""
        return [frame for frame, _ in self._queue] + [f for f in self._frames.values() if f.ids]

    def close_pack(self) -> None:
        """Closes the pack that is being written. It becomes durable and is passed to `on_pack`."""
        if self._open is not None:
            self._close_pack()

    def flush(self) -> list[PackInfo]:
        """Makes everything added so far durable. Returns the packs written since the last flush.

        Only `on_pack` gets their footers: a large collection's footers together would fill the memory.
        """
        while self._queue:
            self._write_oldest()
        if self._open is None:
            self._join_small_frames()
        for is_data, frame in self._frames.items():
            if frame.ids:
                self._frames[is_data] = Frame(is_data)
                self._write(frame, pack_frame(frame, self._settings))
        self._close_pack()
        done, self._done = self._done, []
        return done

    def _join_small_frames(self) -> None:
        """Joins a small pack's structure and content in one frame, so that a commit compresses only once.

        Readers of the structure then decompress the content as well, which costs almost nothing at that size.
        """
        structure, content = self._frames[False], self._frames[True]
        if structure.ids and content.ids and structure.size + content.size <= _SMALL_PACK:
            content.extend(structure)
            self._frames[False] = Frame(False)

    def abandon(self) -> None:
        """Stops writing. Objects that were not flushed are lost, and packs made since the last flush are litter."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None
        if self._open is not None:
            self._open.abandon()
            self._open = None

    def close(self) -> None:
        """Stops the compressor threads, and abandons everything that was not flushed."""
        self.abandon()

    def _close_frame(self, is_data: bool) -> None:
        frame = self._frames[is_data]
        self._frames[is_data] = Frame(is_data, self._spare.pop() if self._spare else None)
        if not self._settings.threads:
            self._write(frame, pack_frame(frame, self._settings))
            self._reuse(frame)
            return
        if self._pool is None:
            from concurrent.futures import ThreadPoolExecutor  # takes 30 ms, which a small snapshot saves

            self._pool = ThreadPoolExecutor(self._settings.threads, thread_name_prefix="ctxstore-compress")
        self._queue.append((frame, self._pool.submit(pack_frame, frame, self._settings)))
        while self._queue and (len(self._queue) > _MAX_QUEUE or self._queue[0][1].done()):
            self._write_oldest()

    def _write_oldest(self) -> None:
        if os.getpid() != self._process:
            raise StorageError("a forked child cannot continue what its parent wrote", hint="start it again there")
        frame, future = self._queue.popleft()
        self._write(frame, future.result())
        self._reuse(frame)

    def _reuse(self, frame: Frame) -> None:
        if len(frame.buffer) <= 2 * self._settings.size:
            self._spare.append(frame.buffer)

    def _write(self, frame: Frame, packed: Packed) -> None:
        if self._open is None:
            self._open = _OpenPack(self._storage, make_name(self._epoch, self._random))
        self._open.append(frame, packed)
        if self._open.size >= PACK_TARGET or self._open.objects >= PACK_OBJECTS:
            self._close_pack()

    def _close_pack(self) -> None:
        if self._open is None:
            return
        pack, self._open = self._open.finish(), None
        self._done.append(pack.info)
        if self._on_pack is not None:
            self._on_pack(pack)


class _OpenPack:
    """A pack that is being written to the storage."""

    def __init__(self, storage: Storage, name: str) -> None:
        self._name = name
        # No ExitStack: it refers to exceptions that pass through it, which then keep the file open.
        self._context = storage.create(f"packs/{name}")
        self._sink: Sink = self._context.__enter__()
        self._pending = bytearray(PACK_MAGIC)
        self.size = len(PACK_MAGIC)
        self._raw = 0
        self._frames: list[FrameEntry] = []
        self._ids: list[bytes] = []
        self._kinds = bytearray()
        self._lengths: list[int] = []

    @property
    def objects(self) -> int:
        return len(self._ids)

    def append(self, frame: Frame, packed: Packed) -> None:
        self._frames.append(FrameEntry(self.size, len(packed.data), packed.raw, frame.is_data, len(frame.ids)))
        self._ids.extend(frame.ids)
        self._kinds += frame.kinds
        self._lengths.extend(frame.lengths)
        self._raw += frame.size
        self._write(packed.data)

    def _write(self, data: bytes) -> None:
        self.size += len(data)
        self._pending += data
        # A small pack is written with one call, a large one in parts.
        if len(self._pending) > 1 << 20:
            self._flush()

    def _flush(self) -> None:
        self._sink.write(bytes(self._pending))
        self._pending.clear()

    def finish(self) -> NewPack:
        footer = Footer(self._frames, b"".join(self._ids), bytes(self._kinds), self._lengths)
        end = encode_footer(footer)
        self._write(end)
        self._flush()
        self._context.__exit__(None, None, None)
        return NewPack(PackInfo(self._name, self.size, len(end), len(self._ids), self._raw), footer)

    def abandon(self) -> None:
        # Leaving the context with an exception keeps the storage from publishing the pack.
        try:
            self._context.__exit__(_Abandoned, _Abandoned(), None)
        except _Abandoned:
            pass


class _Abandoned(Exception):
    pass
