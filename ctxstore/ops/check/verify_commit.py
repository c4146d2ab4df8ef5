"""The verification of one commit: every byte of its files is read from the repository again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import NamedTuple

from ctxstore.history.commits import read_commit
from ctxstore.history.engine import Engine
from ctxstore.ids import ObjectId
from ctxstore.trees.entries import FileEntry, decode_entry, decode_key
from ctxstore.trees.files import read_content

MAX_DOCUMENT = 64 << 20
"""Larger JSON documents are read, but not parsed."""


class VerifiedCommit(NamedTuple):
    """The result of `verify_commit`: the files with their sizes, the JSON values in them, and the files with other
    content where JSON is expected."""

    files: tuple[tuple[str, int], ...]
    bytes: int
    values: int
    invalid: tuple[str, ...]


def verify_commit(engine: Engine, id: ObjectId) -> VerifiedCommit:
    """Reads all files of a commit, compares hashes and sizes, and parses JSON. Raises `Corrupt`, `NotFound`.

    A session's file may end within a line, because the agent is writing it. Invalid JSON is saved unchanged.
    """
    files: list[tuple[str, int]] = []
    invalid: list[str] = []
    values = 0
    for key, data in engine.maps.load(engine.store, read_commit(engine.store, id).tree).items():
        entry = decode_entry(data)
        if not isinstance(entry, FileEntry):
            continue
        path = decode_key(key)
        found = _count_values(path, read_content(engine.store, entry))
        files.append((path, entry.size))
        if found is None:
            invalid.append(path)
        values += found or 0
    return VerifiedCommit(tuple(files), sum(size for _, size in files), values, tuple(invalid))


def _count_values(path: str, blocks: Iterator[bytes]) -> int | None:
    """Reads a file and returns the number of JSON values in it. Returns None if it should have some and is invalid."""
    if path.endswith(".jsonl"):
        return _count_lines(blocks)
    if not path.endswith(".json"):
        for _ in blocks:
            pass
        return 0
    parts: list[bytes] = []
    size = 0
    for block in blocks:
        size += len(block)
        parts = [*parts, block] if size <= MAX_DOCUMENT else []
    return (1 if _is_json(b"".join(parts)) else None) if size <= MAX_DOCUMENT else 0


def _count_lines(blocks: Iterator[bytes]) -> int | None:
    number, is_valid, rest = 0, True, b""
    for block in blocks:
        *lines, rest = (rest + block).split(b"\n")
        for line in lines:
            if line.strip():
                number += 1
                is_valid = is_valid and _is_json(line)
    if rest.strip() and _is_json(rest):
        number += 1  # the end of a file that is being written may be half a line
    return number if is_valid else None


def _is_json(data: bytes) -> bool:
    try:
        json.loads(data)
    except (ValueError, RecursionError):
        return False
    return True
