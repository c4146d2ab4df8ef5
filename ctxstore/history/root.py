"""The root: the one value that changes. docs/format/root.md is normative.

root = magic ‖ length (u32) ‖ CBOR ‖ BLAKE3 of the CBOR
"""

import struct
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from blake3 import blake3

from ctxstore.errors import Corrupt, UnknownFormat
from ctxstore.history.config import FORMAT, SAVE_IT
from ctxstore.ids import ID_SIZE, ObjectId, as_id
from ctxstore.objects.encoding import decode_structure, encode_structure
from ctxstore.packs.names import MAX_EPOCH, PackInfo, epoch_of, make_name
from ctxstore.storage.protocol import Storage

MAGIC = b"ctxroot\x01"
MAX_ROOT = 16 << 20
_HEAD = struct.Struct("<8sI")

INLINE_PACKS = 96
"""With more packs than this in the root, the older ones move to a manifest …"""
RECENT_PACKS = 32
"""… and this many stay."""

EPOCH_NS = 12 * 3600 * 10**9
"""The epoch moves at most this often. It is for liveness only: no clock decides what is safe."""


class RepositoryState(NamedTuple):
    """The state of a repository.

    `packs` are the live ones recorded here, `manifest` names an immutable file with the older ones.
    `refs` and `forgotten` are maps' ids, `op` the newest op's.
    """

    serial: int
    epoch: int
    epoch_time: int
    packs: tuple[PackInfo, ...]
    manifest: str | None
    refs: ObjectId
    forgotten: ObjectId | None
    op: ObjectId | None


def encode_root(root: RepositoryState) -> bytes:
    """The root file's bytes."""
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
    """Raises `Corrupt`, `UnknownFormat`."""
    body = _checked_body(data)
    fields = decode_structure(body)
    if not isinstance(fields, dict) or fields.get(0) != FORMAT:
        raise UnknownFormat("the repository's root has a format this release does not know")
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
        raise Corrupt("the repository's root is malformed", hint=SAVE_IT) from error
    if root.refs is None or root.epoch > MAX_EPOCH:
        raise Corrupt("the repository's root is malformed", hint=SAVE_IT)
    return root


def _checked_body(data: bytes) -> bytes:
    if len(data) < _HEAD.size + ID_SIZE or data[:7] != MAGIC[:7]:
        raise Corrupt(
            "the repository's root is damaged",
            hint=SAVE_IT,
        )
    magic, length = _HEAD.unpack_from(data)
    if magic != MAGIC:
        raise UnknownFormat("the repository's root has a format this release does not know")
    body = data[_HEAD.size : _HEAD.size + length]
    if len(data) != _HEAD.size + length + ID_SIZE or blake3(body).digest() != data[-ID_SIZE:]:
        raise Corrupt(
            "the repository's root is damaged",
            hint=SAVE_IT,
        )
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
    """Reads and swaps a repository's root, manifests included."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._manifests: dict[str, tuple[PackInfo, ...]] = {}

    def read(self, known: tuple[RepositoryState, bytes] | None = None) -> tuple[RepositoryState, bytes] | None:
        """The root and its bytes, or None when there is none; `known` itself when nothing changed.

        Raises `Corrupt`, `UnknownFormat`.
        """
        data = self._storage.read_root()
        if known is not None and data == known[1]:
            return known
        if data is None:
            return None
        if len(data) > MAX_ROOT:
            raise Corrupt("the repository's root is impossibly large", hint=SAVE_IT)
        return decode_root(data), data

    def packs(self, root: RepositoryState) -> tuple[PackInfo, ...]:
        """All live packs, oldest first."""
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
                raise UnknownFormat("a manifest has a format this release does not know")
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
        """The root listing exactly `packs`; writes a manifest when they are many.

        `before`: what `root` lists, for who has held it so long that its manifest may be gone.
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
        """Make `root` the root; its bytes. Raises `SwapLost`, `StorageError`."""
        data = encode_root(root)
        self._storage.swap(expected, data)
        return data


def advanced(root: RepositoryState, now: int) -> RepositoryState:
    """The root with the next serial, and the next epoch when its time has come."""
    root = root._replace(serial=root.serial + 1)
    # A clock that jumped back leaves epoch_time in the future: then the epoch waits, which is safe.
    # The last epoch there is stays for good: litter then goes when a collector is alone.
    if now - root.epoch_time >= EPOCH_NS and root.epoch < MAX_EPOCH:
        return root._replace(epoch=root.epoch + 1, epoch_time=now)
    return root
