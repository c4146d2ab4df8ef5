"""The root: the only mutable value of a repository. docs/format/root.md is normative.

root = magic ‖ length (u32) ‖ CBOR ‖ BLAKE3 of the CBOR
"""

import struct
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from blake3 import blake3

from ctxstore.errors import Corrupt, UnknownFormat
from ctxstore.history.config import FORMAT, REPAIR_HINT, UPGRADE_HINT
from ctxstore.ids import ID_SIZE, ObjectId, as_id
from ctxstore.objects.encoding import decode_structure, encode_structure
from ctxstore.packs.names import MAX_EPOCH, PackInfo, epoch_of, make_name
from ctxstore.storage.protocol import MAX_ROOT, Storage

MAGIC = b"ctxroot\x01"
_HEAD = struct.Struct("<8sI")

INLINE_PACKS = 96
"""The most packs that the root lists itself. If there are more, the older ones move to a manifest."""
RECENT_PACKS = 32
"""The number of newest packs that then stay in the root."""

EPOCH_NS = 12 * 3600 * 10**9
"""The shortest length of an epoch, in nanoseconds. It matters for liveness only: no clock decides whether a deletion is
safe."""


class RepositoryState(NamedTuple):
    """The state of a repository, as the root stores it.

    - `epoch_time`: when the epoch began, in UTC nanoseconds.
    - `packs`: the live packs that the root lists itself.
    - `manifest`: the name of an immutable file that lists the older live packs.
    - `refs`, `forgotten`: the ids of the refs map and of the map of forgotten commits.
    - `op`: the id of the newest entry of the op log.
    """

    serial: int
    epoch: int
    epoch_time: int
    packs: tuple[PackInfo, ...]
    manifest: str | None
    refs: ObjectId
    forgotten: ObjectId | None
    op: ObjectId | None

    def has_same_history(self, other: "RepositoryState") -> bool:
        """Whether both states have the same refs, forgotten commits and newest op."""
        return (self.refs, self.forgotten, self.op) == (other.refs, other.forgotten, other.op)


class StoredRoot(NamedTuple):
    """A root that was read from the storage: the state and its bytes."""

    state: RepositoryState
    data: bytes


def encode_root(root: RepositoryState) -> bytes:
    """Encodes a state as the bytes of the root file."""
    fields = {
        0: FORMAT,
        1: root.serial,
        2: root.epoch,
        3: root.epoch_time,
        4: [list(pack) for pack in root.packs],
        5: root.manifest,
        6: root.refs,
        7: root.forgotten,
        8: root.op,
    }
    body = encode_structure(fields)
    return _HEAD.pack(MAGIC, len(body)) + body + blake3(body).digest()


def decode_root(data: bytes) -> RepositoryState:
    """Decodes the bytes of a root file. Raises `Corrupt`, `UnknownFormat`."""
    body = _checked_body(data)
    fields = decode_structure(body)
    if not isinstance(fields, dict) or fields.get(0) != FORMAT:
        raise UnknownFormat("the repository's root has a format this release does not know", hint=UPGRADE_HINT)
    try:
        root = RepositoryState(
            serial=_number(fields[1]),
            epoch=_number(fields[2]),
            epoch_time=_number(fields[3]),
            packs=tuple(_pack(pack) for pack in fields[4]),
            manifest=_name(fields[5]),
            refs=as_id(fields[6]),
            forgotten=as_id(fields[7]),
            op=as_id(fields[8]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise Corrupt("the repository's root is malformed", hint=REPAIR_HINT) from error
    if root.refs is None or root.epoch > MAX_EPOCH:
        raise Corrupt("the repository's root is malformed", hint=REPAIR_HINT)
    return root


def _checked_body(data: bytes) -> bytes:
    if len(data) < _HEAD.size + ID_SIZE or data[:7] != MAGIC[:7]:
        raise Corrupt("the repository's root is damaged", hint=REPAIR_HINT)
    magic, length = _HEAD.unpack_from(data)
    if magic != MAGIC:
        raise UnknownFormat("the repository's root has a format this release does not know", hint=UPGRADE_HINT)
    body = data[_HEAD.size : _HEAD.size + length]
    if len(data) != _HEAD.size + length + ID_SIZE or blake3(body).digest() != data[-ID_SIZE:]:
        raise Corrupt("the repository's root is damaged", hint=REPAIR_HINT)
    return body


def _number(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 1 << 63:
        raise ValueError("not a number")
    return value


def _name(value: Any) -> Any:
    if value is not None and epoch_of(value) is None:
        raise ValueError("not a name")
    return value


def _pack(value: Any) -> PackInfo:
    name, *numbers = value
    if type(value) is not list or name is None:
        raise ValueError("not a name")
    return PackInfo(_name(name), *(_number(number) for number in numbers))


class RootFile:
    """Reads and swaps a repository's root, and reads and writes its manifests."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._manifests: dict[str, tuple[PackInfo, ...]] = {}

    def read(self, known: StoredRoot | None = None) -> StoredRoot | None:
        """Reads the root. Returns None if no root exists, and `known` itself if the root still has the same bytes.

        Raises `Corrupt`, `UnknownFormat`.
        """
        data = self._storage.read_root()
        if known is not None and data == known.data:
            return known
        if data is None:
            return None
        if len(data) > MAX_ROOT:
            raise Corrupt("the repository's root is larger than a root can be", hint=REPAIR_HINT)
        return StoredRoot(decode_root(data), data)

    def packs(self, root: RepositoryState) -> tuple[PackInfo, ...]:
        """Returns all live packs, older ones first. Raises `NotFound` if the manifest no longer exists."""
        if root.manifest is None:
            return root.packs
        if root.manifest not in self._manifests:
            self._manifests = {root.manifest: self._read_manifest(root.manifest)}
        return self._manifests[root.manifest] + root.packs

    def _read_manifest(self, name: str) -> tuple[PackInfo, ...]:
        body = _checked_body(self._storage.get(f"manifests/{name}", 0, MAX_ROOT))
        try:
            version, packs = decode_structure(body)
            if version != 1:
                raise UnknownFormat("a manifest has a format this release does not know", hint=UPGRADE_HINT)
            return tuple(_pack(pack) for pack in packs)
        except (TypeError, ValueError) as error:
            raise Corrupt(f"manifest {name} is malformed") from error

    def with_packs(
        self,
        root: RepositoryState,
        packs: Sequence[PackInfo],
        random: Callable[[int], bytes],
        *,
        before: tuple[PackInfo, ...] | None = None,
    ) -> RepositoryState:
        """Returns a copy of `root` that lists exactly `packs`. Writes a manifest if the root cannot list all of them.

        `before` are the packs that `root` lists. A caller that read `root` long ago passes them, because the manifest
        of `root` may have been deleted since.
        """
        before = self.packs(root) if before is None else before
        old = before[: -len(root.packs) or None] if root.manifest else ()
        if old and tuple(packs[: len(old)]) == old and len(packs) - len(old) <= INLINE_PACKS:
            return root._replace(packs=tuple(packs[len(old) :]))
        if len(packs) <= INLINE_PACKS:
            return root._replace(packs=tuple(packs), manifest=None)
        older = tuple(packs[:-RECENT_PACKS])
        name = make_name(root.epoch, random)
        body = encode_structure([1, [list(pack) for pack in older]])
        self._storage.put(f"manifests/{name}", _HEAD.pack(MAGIC, len(body)) + body + blake3(body).digest())
        self._manifests[name] = older
        return root._replace(packs=tuple(packs[-RECENT_PACKS:]), manifest=name)

    def swap(self, expected: bytes | None, root: RepositoryState) -> bytes:
        """Replaces the root if its bytes are `expected`. Returns the new bytes. Raises `SwapLost`, `StorageError`."""
        data = encode_root(root)
        self._storage.swap(expected, data)
        return data


def advanced(root: RepositoryState, now: int) -> RepositoryState:
    """Returns the root with the next serial, and with the next epoch if the current one began `EPOCH_NS` ago."""
    root = root._replace(serial=root.serial + 1)
    # If the clock jumped back, epoch_time is in the future. The epoch then lasts longer, which is safe.
    # The highest epoch never ends. From then on, litter is deleted only when a collector is alone.
    if now - root.epoch_time >= EPOCH_NS and root.epoch < MAX_EPOCH:
        return root._replace(epoch=root.epoch + 1, epoch_time=now)
    return root
