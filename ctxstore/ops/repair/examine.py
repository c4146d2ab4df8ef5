"""The examination of a repository: reads config, root and packs as far as possible, without opening the repository."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeVar

from ctxstore.errors import Corrupt, NotFound, UnknownFormat
from ctxstore.history.config import KEY, MAX_CONFIG, Config, decode_config
from ctxstore.history.root import RepositoryState, RootFile, decode_root
from ctxstore.ids import IdKeys
from ctxstore.ops.repair.salvage import ExaminedPack, examine_pack
from ctxstore.packs.names import MAX_EPOCH, PackInfo, epoch_of
from ctxstore.progress import Progress
from ctxstore.storage.protocol import MAX_ROOT, Storage

OLD_ROOT = "root.old"
"""The key of the root before the last swap."""

T = TypeVar("T")


class NoRepository(NotFound):
    """No repository exists at this place: no config, no root and no pack."""


class RepositoryRemains(NamedTuple):
    """The config and the roots of a repository. None: the file is missing or damaged.

    - The problems describe why the config or the root is None, and are empty otherwise.
    - `data`: the bytes of the root, even if they are damaged.
    - `old`: the root before the last swap.
    - `listed`: the packs that the root lists, or None if this list is unreadable. The root problem then says so.
    """

    config: Config | None
    config_problem: str
    data: bytes | None
    root: RepositoryState | None
    root_problem: str
    old: RepositoryState | None
    listed: tuple[PackInfo, ...] | None

    @property
    def newest(self) -> RepositoryState | None:
        """The newest root that is readable: the current one or the one before it."""
        return self.root or self.old


def find_state(storage: Storage) -> RepositoryRemains:
    """Reads the config and the roots as far as possible.

    Raises `NoRepository`, and `UnknownFormat` if a newer release wrote them.
    """
    data = storage.read_root()
    config, config_problem = _try_read(lambda: decode_config(storage.get(KEY, 0, MAX_CONFIG)))
    root, root_problem = _try_read(lambda: _decode(data))
    old, _ = _try_read(lambda: _decode(storage.get(OLD_ROOT, 0, MAX_ROOT + 1)))
    if config is None and root is None:
        problems = [part for part in (config_problem, root_problem) if isinstance(part, UnknownFormat)]
        if len(problems) == 2 or (problems and old is None):
            # A newer release wrote it, even if the root before it has this release's format. Change nothing.
            raise problems[0]
        if old is None and not _pack_sizes(storage, "packs"):
            raise NoRepository("there is no repository", hint="`ctx init` creates one")
    listed, manifest_problem = _try_read(lambda: RootFile(storage).packs(root) if root else None)
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


def _try_read(read: Callable[[], T]) -> tuple[T | None, Corrupt | NotFound | UnknownFormat | None]:
    """Returns the value that `read` returns, or the error it raises."""
    try:
        return read(), None
    except (Corrupt, NotFound, UnknownFormat) as error:
        return None, error


def _decode(data: bytes | None) -> RepositoryState:
    """Decodes a root. Raises `NotFound` for None, `Corrupt`, `UnknownFormat`."""
    if data is None:
        raise NotFound("the repository's root is missing")
    if len(data) > MAX_ROOT:
        raise Corrupt("the repository's root is larger than a root can be")
    return decode_root(data)


class Packs(NamedTuple):
    """The packs of a repository by their condition.

    `missing` lists packs that the root lists but that do not exist. `loose` lists the keys of pack files that no root
    lists, including those in quarantine.
    """

    intact: list[PackInfo]
    damaged: list[ExaminedPack]
    missing: list[PackInfo]
    loose: list[str]


def examine_packs(storage: Storage, keys: IdKeys, listed: tuple[PackInfo, ...] | None, progress: Progress) -> Packs:
    """Reads every byte of the listed packs, or of all existing packs if `listed` is None. Raises `StorageError`."""
    sizes = _pack_sizes(storage, "packs")
    packs = Packs([], [], [], [f"quarantine/{name}" for name in _pack_sizes(storage, "quarantine")])
    wanted: dict[str, PackInfo | None]
    if listed is None:
        wanted = dict.fromkeys(sorted(sizes))
    else:
        wanted = {pack.name: pack for pack in listed}
        packs.loose.extend(f"packs/{name}" for name in sorted(sizes.keys() - wanted.keys()))
    progress.start("read packs", sum(sizes.get(name, 0) for name in wanted))
    try:
        for name, pack in wanted.items():
            try:
                examined = examine_pack(storage, keys, f"packs/{name}", pack)
            except NotFound:
                packs.missing.extend([pack] if pack is not None else [])
                continue
            if examined.problem:
                packs.damaged.append(examined)
            else:
                packs.intact.append(pack or examined.info)
            progress.advance(sizes.get(name, 0))
    finally:
        progress.done()
    return packs


def _pack_sizes(storage: Storage, folder: str) -> dict[str, int]:
    """Returns the sizes of the files in a folder that have the name of a pack, also with a suffix as in quarantine."""
    try:
        found = {stored.key.rpartition("/")[2]: stored.size for stored in storage.list(folder)}
    except NotFound:
        return {}
    return {name: size for name, size in found.items() if epoch_of(name.partition(".")[0]) is not None}


def newest_epoch(storage: Storage, known: RepositoryState | None) -> int:
    """Returns the highest epoch in the names of files or in the root `known`.

    Ignores epochs that no repository can reach: such a name is damaged or foreign.
    """
    names = (name for folder in ("packs", "manifests", "quarantine") for name in _pack_sizes(storage, folder))
    epochs = [known.epoch if known else 0, *(epoch_of(name.partition(".")[0]) or 0 for name in names)]
    return max((epoch for epoch in epochs if epoch < MAX_EPOCH // 2), default=0)
