"""What is there of a repository: config, root, packs; read as far as they can be, without opening it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeVar

from ctxstore.errors import Corrupt, NotFound, UnknownFormat
from ctxstore.history.config import KEY, MAX_CONFIG, Config, decode_config
from ctxstore.history.root import MAX_ROOT, RepositoryState, RootFile, decode_root
from ctxstore.ids import IdKeys
from ctxstore.ops.repair.salvage import Examined, examine
from ctxstore.packs.names import MAX_EPOCH, PackInfo, epoch_of
from ctxstore.progress import Progress
from ctxstore.storage.protocol import Storage

OLD_ROOT = "root.old"

T = TypeVar("T")


class NoRepository(NotFound):
    """There is no config, no root and no pack."""


class RepositoryRemains(NamedTuple):
    """The mutable part as it was found: None for what is missing or damaged, and then a problem that says so.

    `listed` are the packs the root lists; None if nobody knows. `data` are the root's bytes, whatever they are.
    """

    config: Config | None
    config_problem: str
    data: bytes | None
    root: RepositoryState | None
    root_problem: str
    old: RepositoryState | None
    listed: tuple[PackInfo, ...] | None

    @property
    def known(self) -> RepositoryState | None:
        """The newest root that can be read."""
        return self.root or self.old


def find_state(storage: Storage) -> RepositoryRemains:
    """Raises `NoRepository`; `UnknownFormat` if it is a newer one's."""
    data = storage.read_root()
    config, config_problem = _tried(lambda: decode_config(storage.get(KEY, 0, MAX_CONFIG)))
    root, root_problem = _tried(lambda: _decoded(data))
    old, _ = _tried(lambda: _decoded(storage.get(OLD_ROOT, 0, MAX_ROOT + 1)))
    if config is None and root is None:
        problems = [part for part in (config_problem, root_problem) if isinstance(part, UnknownFormat)]
        if len(problems) == 2 or (problems and old is None):
            raise problems[0]  # a newer release's, though the root before may be of this format: leave it alone
        if old is None and not _names(storage, "packs"):
            raise NoRepository("there is no repository", hint="`ctx init` makes one")
    listed, manifest_problem = _tried(lambda: RootFile(storage).packs(root) if root else None)
    problem = root_problem or manifest_problem
    return RepositoryRemains(
        config,
        config_problem.message if config_problem else "",
        data,
        root,
        problem.message if problem else "",
        old,
        listed,
    )


def _tried(read: Callable[[], T]) -> tuple[T | None, Corrupt | NotFound | UnknownFormat | None]:
    try:
        return read(), None
    except (Corrupt, NotFound, UnknownFormat) as error:
        return None, error


def _decoded(data: bytes | None) -> RepositoryState:
    if data is None:
        raise NotFound("the repository's root is missing")
    if len(data) > MAX_ROOT:
        raise Corrupt("the repository's root is impossibly large")
    return decode_root(data)


class Packs(NamedTuple):
    """The packs as they were read. `missing` are listed and not there, `loose` the keys of files nobody lists."""

    sound: list[PackInfo]
    damaged: list[Examined]
    missing: list[PackInfo]
    loose: list[str]


def examine_packs(storage: Storage, keys: IdKeys, listed: tuple[PackInfo, ...] | None, progress: Progress) -> Packs:
    """Read every byte of the listed packs, or of all there are if nobody knows which were. Raises `StorageError`."""
    names = _names(storage, "packs")
    packs = Packs([], [], [], [f"quarantine/{name}" for name in _names(storage, "quarantine")])
    wanted: dict[str, PackInfo | None]
    if listed is None:
        wanted = dict.fromkeys(sorted(names))
    else:
        wanted = {pack.name: pack for pack in listed}
        packs.loose.extend(f"packs/{name}" for name in sorted(names.keys() - wanted.keys()))
    progress.start("read packs", sum(names.get(name, 0) for name in wanted))
    try:
        for name, pack in wanted.items():
            try:
                examined = examine(storage, keys, f"packs/{name}", pack)
            except NotFound:
                packs.missing.extend([pack] if pack is not None else [])
                continue
            if examined.problem:
                packs.damaged.append(examined)
            else:
                packs.sound.append(pack or examined.info)
            progress.advance(names.get(name, 0))
    finally:
        progress.done()
    return packs


def _names(storage: Storage, folder: str) -> dict[str, int]:
    """Names in a folder that a pack may have, also in quarantine, and their sizes."""
    try:
        found = {stored.key.rpartition("/")[2]: stored.size for stored in storage.list(folder)}
    except NotFound:
        return {}
    return {name: size for name, size in found.items() if epoch_of(name.partition(".")[0]) is not None}


def newest_epoch(storage: Storage, known: RepositoryState | None) -> int:
    """The highest epoch that any file or root names; one that no repository gets to is nobody's."""
    names = (name for folder in ("packs", "manifests", "quarantine") for name in _names(storage, folder))
    epochs = [known.epoch if known else 0, *(epoch_of(name.partition(".")[0]) or 0 for name in names)]
    return max((epoch for epoch in epochs if epoch < MAX_EPOCH // 2), default=0)
