"""The comparison of a restored folder with the original."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

BLOCK = 1 << 20


def hashes_of(folder: Path) -> dict[str, bytes]:
    """Returns the hash of each file below a folder, by relative path. A link is represented by its target."""
    return {path: hash_file(folder / path) for path in _paths(folder)}


def hash_file(path: Path) -> bytes:
    if path.is_symlink():
        return b"link " + os.fsencode(os.readlink(path))
    with path.open("rb") as file:
        return hashlib.file_digest(file, "blake2b").digest()


def differences(expected: dict[str, bytes], found: dict[str, bytes]) -> list[str]:
    """Returns a line for each missing, extra or changed file. The list is empty if the folders are equal."""
    missing = [f"missing: {path}" for path in expected.keys() - found.keys()]
    extra = [f"extra: {path}" for path in found.keys() - expected.keys()]
    changed = [f"changed: {path}" for path in expected.keys() & found.keys() if expected[path] != found[path]]
    return sorted(missing + extra + changed)


def _paths(folder: Path) -> Iterator[str]:
    for parent, _, names in os.walk(folder):
        for name in names:
            yield os.path.relpath(os.path.join(parent, name), folder)
