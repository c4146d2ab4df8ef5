"""A small repository in memory, its content, and every way to damage one of its files."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple
from unittest.mock import patch

from ctxstore.errors import CtxstoreError
from ctxstore.history.commits import Author
from ctxstore.history.engine import Environment, create, open_engine
from ctxstore.history.forgotten import Forgotten
from ctxstore.history.transaction import Move, transaction
from ctxstore.objects.chunker import ChunkerSettings
from ctxstore.repo.repository import Repo
from ctxstore.storage.memory import MemoryStorage

ROOT = "root"
FLIPS = (0x01, 0x80, 0xFF)


class Values(MemoryStorage):
    """A storage made of given values, including the root."""

    def __init__(self, values: Mapping[str, bytes]) -> None:
        super().__init__()
        self._values = dict(values)
        self._root = self._values.pop(ROOT, None)

    def values(self) -> dict[str, bytes]:
        return {**self._values, **({ROOT: self._root} if self._root is not None else {})}


class World(NamedTuple):
    """A repository's files, its earlier roots, its refs, and the content of each commit by the commit's id."""

    files: dict[str, bytes]
    roots: list[dict[str, bytes]]
    refs: dict[str, str]
    logs: dict[str, list[str]]
    contents: dict[str, dict[str, Any]]


def environment(seed: int) -> Environment:
    noise, ticks = random.Random(seed), iter(range(10**9))
    return Environment(lambda: 1_700_000_000_000_000_000 + next(ticks) * 10**9, noise.randbytes, Author("a", "h", "t"))


def open_values(values: Mapping[str, bytes]) -> Repo:
    """Opens the repository that consists of these files."""
    engine = open_engine(Values(values), environment(1))
    engine.root()
    return Repo(engine, "memory:")


@cache
def build(seed: int = 0) -> World:
    """Builds a repository of 15 KB.

    It has three contexts with files of many chunks, messages and memories, a fork, a tag, a forgotten commit, and a
    manifest.
    """
    storage, noise = MemoryStorage(), random.Random(seed)
    storage.__class__ = Values
    roots: list[dict[str, bytes]] = []
    with (
        patch("ctxstore.history.root.INLINE_PACKS", 4),
        patch("ctxstore.history.root.RECENT_PACKS", 2),
    ):
        engine = create(storage, environment(seed), ChunkerSettings(512, 256, 1024, 0))
        repo = Repo(engine, "memory:")
        for number, ref in enumerate(("chat/a", "chat/b", "file/c", "file/c")):
            _commit(repo, ref, number, noise)
            roots.append(storage.values())  # type: ignore[attr-defined]
        oldest = list(repo.log("file/c"))[-1].id
        repo.fork("chat/a", "chat/fork")
        with transaction(engine) as tx:
            tx.forget({oldest: Forgotten(1, "by policy")})
            tx.publish([Move("tag:good", None, repo.resolve("chat/b").id)], "forget")
        roots.append(storage.values())  # type: ignore[attr-defined]
        files = roots[-1]
        refs, logs = read_names(repo)
        contents = {id: read_commit(repo, id) for log in logs.values() for id in log if id != oldest.hex()}
    return World(files, roots[:-1], refs, logs, contents)


def _commit(repo: Repo, ref: str, number: int, noise: random.Random) -> None:
    draft = repo.edit(ref)
    draft.messages.extend({"role": "user", "content": noise.randbytes(200).hex()} for _ in range(3))
    draft.memories[f"k{number}"] = noise.randbytes(100).hex()
    draft.memories["small"] = number
    draft.files.put("long", noise.randbytes(680), mtime_ns=number)
    if ref == "file/c":
        draft.files.put("folder/short", noise.randbytes(40), mtime_ns=number)
    draft.commit()


def read_names(repo: Repo) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Reads the refs and the history of each."""
    refs = {name: stored.id.hex() for name, stored in repo.refs()}
    return refs, {name: [stored.id.hex() for stored in repo.log(name)] for name in refs}


def read_commit(repo: Repo, id: str) -> dict[str, Any]:
    """Reads everything a commit holds, part by part. Raises what reading raises."""
    return dict(iter_parts(repo, id))


def iter_parts(repo: Repo, id: str) -> Iterator[tuple[str, Any]]:
    view = repo.view(id)
    yield "messages", list(view.messages)
    yield "memories", dict(view.memories)
    files = dict(view.files.entries())
    yield "entries", files
    for path in files:
        yield path, view.read(path)


def readable(repo: Repo, world: World) -> dict[tuple[str, str], Any]:
    """Reads every part of every commit that can be read, by (commit, part).

    An error hides the part it hits and nothing else.
    """
    found: dict[tuple[str, str], Any] = {}
    for id in world.contents:
        try:
            for part, value in iter_parts(repo, id):
                found[id, part] = value
        except CtxstoreError:
            continue
    return found


class Case(NamedTuple):
    """One damage: `files` with one or two keys changed."""

    what: str
    key: str
    change: tuple[Any, ...]

    def apply(self, world: World) -> dict[str, bytes]:
        files, data = dict(world.files), world.files[self.key]
        verb, *rest = self.change
        if verb == "flip":
            at, bits = rest
            files[self.key] = data[:at] + bytes([data[at] ^ bits]) + data[at + 1 :]
        elif verb == "cut":
            files[self.key] = data[: rest[0]]
        elif verb == "double":
            files[self.key] = data + data
        elif verb == "missing":
            del files[self.key]
        elif verb == "swap":
            files[self.key], files[rest[0]] = files[rest[0]], data
        else:
            files[self.key] = rest[0]
        return files


def iter_cases(world: World, other: World) -> Iterator[Case]:
    """Yields every byte flipped in three ways, every length, and files of one kind exchanged."""
    for key, data in sorted(world.files.items()):
        for at in range(len(data)):
            for bits in FLIPS:
                yield Case(f"byte {at} of {key} ^ {bits:#x}", key, ("flip", at, bits))
        for length in range(len(data)):
            yield Case(f"{key} cut to {length}", key, ("cut", length))
        yield Case(f"{key} missing", key, ("missing",))
        yield Case(f"{key} twice", key, ("double",))
        for second in sorted(world.files):
            if second > key and second.partition("/")[0].partition(".")[0] == key.partition("/")[0].partition(".")[0]:
                yield Case(f"{key} and {second} swapped", key, ("swap", second))
        for foreign, content in sorted(other.files.items()):
            if foreign.partition("/")[0] == key.partition("/")[0]:
                yield Case(f"{key} from another repository: {foreign}", key, ("replace", content))
    for number, files in enumerate(world.roots):
        yield Case(f"root {number} again", ROOT, ("replace", files[ROOT]))
