"""The record of everything that an installation created, so that its removal is exact."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ctxstore.integrations.state_folders import state_folder

VERSION = 1
MAX_CHARACTERS = 1 << 20


class Receipt(NamedTuple):
    """The files, folders and JSON containers that an installation created.

    `folders` are ordered outermost first. `containers` maps a file to the paths of the objects and lists created in it.
    """

    created: frozenset[str] = frozenset()
    folders: tuple[str, ...] = ()
    containers: Mapping[str, frozenset[tuple[str, ...]]] = {}

    def containers_in(self, path: str) -> frozenset[tuple[str, ...]]:
        """Returns the containers created in a file."""
        return self.containers.get(path, frozenset())


def receipt_path(agent: str, environ: Mapping[str, str]) -> str:
    """Returns the path of an agent's receipt."""
    return os.path.join(state_folder(environ), "installed", f"{agent}.json")


def read_receipt(path: str) -> Receipt:
    """Reads a receipt. Returns an empty one if the file is missing or invalid."""
    try:
        with open(path, encoding="utf-8") as file:
            return _decode(json.loads(file.read(MAX_CHARACTERS)))
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return Receipt()


def iter_receipts(folder: str) -> Iterator[tuple[str, Receipt]]:
    """Yields all receipts in a folder, with their paths."""
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return
    for name in names:
        if name.endswith(".json"):
            yield os.path.join(folder, name), read_receipt(os.path.join(folder, name))


def encode_receipt(receipt: Receipt) -> bytes:
    """Encodes a receipt as the content of its file."""
    value = {
        "version": VERSION,
        "created": sorted(receipt.created),
        "folders": list(receipt.folders),
        "made": {path: sorted(map(list, paths)) for path, paths in sorted(receipt.containers.items())},
    }
    return json.dumps(value, indent=2).encode() + b"\n"


def _decode(value: dict[str, object]) -> Receipt:
    created, folders, made = value["created"], value["folders"], value["made"]
    if value["version"] != VERSION or not isinstance(created, list) or not isinstance(folders, list):
        return Receipt()
    if not isinstance(made, dict) or not all(isinstance(path, str) for path in (*created, *folders, *made)):
        return Receipt()
    containers = {path: frozenset(tuple(map(str, each)) for each in paths) for path, paths in made.items()}
    return Receipt(frozenset(created), tuple(folders), containers)
