"""A second reader of the format, made from docs/format alone: it imports nothing of ctxstore.

`verify` reads a whole repository and returns its content, or raises `VerifyError` with the first fault. It is stricter
than a reader must be: encodings must be canonical, and values that are written twice must agree.

The objects that a structure refers to follow from its id alone. So a `cache` that is passed from one call to the next
makes many states of one repository cheap to verify: only new files and objects are parsed.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import cbor2
import zstandard
from blake3 import blake3

from tests.verifier_files import (
    Objects,
    VerifyError,
    check_config,
    need,
    need_ids,
    read_manifest,
    read_pack,
    read_root,
    structure,
)
from tests.verifier_structures import COMMIT, FILE, LIST, OP, Q_RECORDS, Structures, json_value

__all__ = ["NoRepository", "Verified", "VerifyError", "verify", "verify_files", "verify_folder"]

MALFORMED = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError, struct.error)
DAMAGED = (*MALFORMED, cbor2.CBORDecodeError, cbor2.CBOREncodeError, zstandard.ZstdError)
TAG, SETTING = "tag:", "setting:"


class NoRepository(VerifyError):
    """A repository without a root: nothing was ever acknowledged in it."""


class Verified(NamedTuple):
    """The content of a repository. Ids are bytes; `ops` and `op_fields` go from the newest to the first.

    `refs` are contexts only. `commits` has the fields of every commit, and `forgotten` the time and reason. `complete`
    are the commits whose trees must exist and do. `litter` are the packs and manifests that the root does not name.
    """

    root: dict[int, Any]
    refs: dict[str, bytes]
    tags: dict[str, bytes]
    settings: dict[str, Any]
    ops: list[bytes]
    op_fields: list[dict[int, Any]]
    forgotten: dict[bytes, tuple[int, str]]
    commits: dict[bytes, dict[int, Any]]
    complete: set[bytes]
    litter: set[str]
    structures: Structures

    def entries(self, commit: bytes) -> dict[str, list[Any]]:
        """Reads the tree's entries by path: the arrays of docs/format/trees.md."""
        return self.structures.tree(self.commits[commit][1])

    def files(self, commit: bytes) -> dict[str, bytes]:
        """Reads the content of all regular files by path."""
        found = self.entries(commit)
        return {path: self.structures.content(entry) for path, entry in found.items() if entry[0] == FILE}

    def messages(self, commit: bytes) -> list[Any]:
        """Reads the records of the native list, or none if the commit has no list."""
        entry = self.entries(commit).get("/messages")
        leaves = self.structures.leaves(LIST, entry[1], Q_RECORDS) if entry else []
        return [self.structures.record(id) for _, id, _ in leaves]

    def memories(self, commit: bytes) -> dict[str, Any]:
        """Reads the records of the native map by name."""
        entry = self.entries(commit).get("/memories")
        found = self.structures.mapped(entry[1]) if entry else {}
        return {key.decode("utf-8", "surrogatepass"): json_value(data) for key, data in found.items()}


def verify_folder(path: str | os.PathLike[str], cache: dict[Any, Any] | None = None) -> Verified:
    """Verifies a local repository."""

    def read(key: str) -> bytes | None:
        try:
            with open(os.path.join(path, key), "rb") as file:
                return file.read()
        except FileNotFoundError:
            return None

    def names(folder: str) -> list[str]:
        place = os.path.join(path, folder)
        return os.listdir(place) if os.path.isdir(place) else []

    return verify(read, names, cache)


def verify_files(files: Mapping[str, bytes], cache: dict[Any, Any] | None = None) -> Verified:
    """Verifies files, given by key."""
    return verify(
        files.get, lambda folder: [key[len(folder) + 1 :] for key in files if key.startswith(f"{folder}/")], cache
    )


def verify(
    read: Callable[[str], bytes | None], names: Callable[[str], Iterable[str]], cache: dict[Any, Any] | None = None
) -> Verified:
    """Reads and verifies everything.

    `read(key)` returns a whole file or None, and `names(folder)` the names of a folder's files.
    """
    cache = {} if cache is None else cache
    data = read("root")
    if data is None:
        raise NoRepository("there is no root")
    _guarded("config", check_config, _existing(read, "config"))
    root = _guarded("root", read_root, data)
    packs, live = root[4], set()
    if root[5] is not None:
        live.add(key := f"manifests/{root[5]}")
        packs = _guarded(key, read_manifest, _existing(read, key)) + packs
    structures = Structures(_read_objects(packs, read, cache), cache)
    live.update(f"packs/{pack[0]}" for pack in packs)
    need(len({pack[0] for pack in packs}) == len(packs), "root: a pack is listed twice")
    there = {f"{folder}/{name}" for folder in ("packs", "manifests") for name in names(folder)}
    need(live <= there, "a live file is not in its folder")
    return _read_history(root, structures, there - live)


def _guarded(what: str, function: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return function(*arguments)
    except DAMAGED as error:
        raise VerifyError(f"{what} is malformed: {error!r}") from error
    except VerifyError as error:
        raise VerifyError(f"{what}: {error}") from error


def _existing(read: Callable[[str], bytes | None], key: str) -> bytes:
    data = read(key)
    if data is None:
        raise VerifyError(f"{key} is missing")
    return data


def _read_objects(packs: list[Any], read: Callable[[str], bytes | None], cache: dict[Any, Any]) -> Objects:
    objects: Objects = {}
    for pack in packs:
        name = f"packs/{pack[0]}"
        data = _existing(read, name)
        key = ("pack", *pack, len(data), blake3(data).digest())
        if key not in cache:
            cache[key] = _guarded(name, read_pack, data, *pack[1:])
        objects.update(cache[key])
    return objects


def _read_history(root: dict[int, Any], structures: Structures, litter: set[str]) -> Verified:
    ops, op_fields = _read_ops(root, structures)
    names = _guarded("refs", _read_refs, structures, root[6])
    forgotten = _guarded("forgotten map", _read_forgotten, structures, root[7])
    held = {id for name, id in names.items() if not name.startswith(SETTING)}
    moved = {id for op in op_fields for ref, *ids in _changes(op) if not ref.startswith(SETTING) for id in ids if id}
    commits = _read_commits(structures, held | moved | forgotten.keys())
    complete = {id for id in commits if id in held or id not in forgotten}
    for id in complete:
        _guarded(f"tree of commit {id.hex()}", structures.tree, commits[id][1])
    for op in op_fields:
        for ref, *ids in _changes(op):
            for id in ids if ref.startswith(SETTING) else ():
                _guarded(ref, lambda id=id: id and structures.record(id))
    return Verified(
        root=root,
        refs={name: id for name, id in names.items() if not name.startswith((TAG, SETTING))},
        tags={name[len(TAG) :]: id for name, id in names.items() if name.startswith(TAG)},
        settings={n[len(SETTING) :]: structures.record(id) for n, id in names.items() if n.startswith(SETTING)},
        ops=ops,
        op_fields=op_fields,
        forgotten=forgotten,
        commits=commits,
        complete=complete,
        litter=litter,
        structures=structures,
    )


def _read_refs(structures: Structures, id: bytes) -> dict[str, bytes]:
    found = {key.decode("utf-8", "surrogateescape"): value for key, value in structures.mapped(id).items()}
    need_ids(*found.values())
    for name in found:
        parts = name.removeprefix(TAG).removeprefix(SETTING).split("/")
        need(not {"", ".", ".."} & set(parts), f"{name!r} is no name")
    return found


def _read_forgotten(structures: Structures, id: bytes | None) -> dict[bytes, tuple[int, str]]:
    found = {}
    for key, value in structures.mapped(id).items() if id is not None else ():
        time, reason = structure(value)
        need_ids(key)
        need(type(time) is int, "a time is none")
        found[key] = (time, reason.decode("utf-8", "surrogatepass"))
    return found


def _read_ops(root: dict[int, Any], structures: Structures) -> tuple[list[bytes], list[dict[int, Any]]]:
    ops: list[bytes] = []
    fields: list[dict[int, Any]] = []
    next_id = root[8]
    while next_id is not None:
        ops.append(next_id)
        fields.append(_guarded(f"op {next_id.hex()}", structures.fields, next_id, OP, _check_op))
        next_id = fields[-1][1]
    first: dict[int, Any] = {6: None, 9: None}
    for op, before in zip(fields, [*fields, first][1:], strict=True):
        _guarded(f"op {ops[0].hex()} or before", _check_step, structures, before, op)
        need(op.get(10) is None or op[10] in ops, "an op undoes one that is not there")
    if fields:
        need(fields[0][6] == root[6], "the root's refs are not those of the newest op")
        need(fields[0].get(9) == root[7], "the root's forgotten map is not that of the newest op")
    return ops, fields


def _check_step(structures: Structures, before: dict[int, Any], op: dict[int, Any]) -> None:
    """Checks that an op's refs are those of the previous op after its changes."""
    refs = _read_refs(structures, before[6]) if before[6] is not None else {}
    for ref, old, new in _changes(op):
        need(refs.pop(ref, None) == old, f"{ref!r} was not where it is said to have been")
        if new is not None:
            refs[ref] = new
    need(refs == _read_refs(structures, op[6]), "the refs are not what the changes made of them")
    _read_forgotten(structures, op.get(9))


def _changes(op: dict[int, Any]) -> list[list[Any]]:
    return [[ref.decode("utf-8", "surrogatepass"), old, new] for ref, old, new in op[7]]


def _check_op(op: dict[int, Any]) -> None:
    need(set(range(9)) <= op.keys() <= set(range(11)) and op[0] == 1, "unknown version or fields")
    need_ids(op[6], *(op.get(i) for i in (1, 9, 10) if op.get(i) is not None))
    need(type(op[2]) is int and type(op[4]) is str, "malformed")
    need([type(text) for text in op[3]] == [bytes] * 3 and type(op[5]) is bytes, "malformed")
    for _, *ids in _changes(op):
        need(len(ids) == 2, "a change is malformed")
        need_ids(*(id for id in ids if id is not None))
    need(list(op[8]) == sorted(op[8]) and all(type(n) is int for n in op[8].values()), "its statistics")


def _read_commits(structures: Structures, wanted: set[bytes]) -> dict[bytes, dict[int, Any]]:
    commits: dict[bytes, dict[int, Any]] = {}
    waiting = sorted(wanted)
    while waiting:
        id = waiting.pop()
        if id not in commits:
            commits[id] = _guarded(f"commit {id.hex()}", structures.fields, id, COMMIT, _check_commit)
            waiting += commits[id][2]
    for id, fields in commits.items():
        generation = max(commits[parent][3] + 1 for parent in fields[2]) if fields[2] else 0
        need(fields[3] == generation, f"commit {id.hex()}: its generation is not one more than its parents'")
    return commits


def _check_commit(fields: dict[int, Any]) -> None:
    need(list(fields) == list(range(14)) and fields[0] == 1, "unknown version or fields")
    need_ids(fields[1], *fields[2])
    need(type(fields[4]) is int and fields[8] in (0, 1, 2) and type(fields[12]) is bool, "malformed")
    texts = [*fields[5], fields[6], fields[7], fields[10], fields[11], *(text for text in fields[13][:4] if text)]
    for text in texts:
        text.decode("utf-8", "surrogatepass")
    need(len(fields[5]) == 3 and type(fields[9]) is str and len(fields[13]) == 8, "malformed")
    messages, *numbers = fields[13][4:]
    need(all(type(n) is int and n >= 0 for n in (messages or 0, *numbers)), "its summary")
