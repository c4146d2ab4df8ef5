"""What an installation made, so that its removal leaves nothing behind and takes nothing along."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ctxstore.integrations.state_folders import state_folder

VERSION = 1
LONGEST = 1 << 20


class Receipt(NamedTuple):
    """`created`: files that were not there; `folders`: the same, outermost first; `made`: by file, the paths of objects
    and lists that were put in for what they hold."""

    created: frozenset[str] = frozenset()
    folders: tuple[str, ...] = ()
    made: Mapping[str, frozenset[tuple[str, ...]]] = {}

    def made_in(self, path: str) -> frozenset[tuple[str, ...]]:
        """What was made in a file."""
        return self.made.get(path, frozenset())


def receipt_path(agent: str, environ: Mapping[str, str]) -> str:
    """Where the receipt of an agent is kept."""
    return os.path.join(state_folder(environ), "installed", f"{agent}.json")


def read_receipt(path: str) -> Receipt:
    """The receipt, or an empty one."""
    try:
        with open(path, encoding="utf-8") as file:
            return _decode(json.loads(file.read(LONGEST)))
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return Receipt()


def iter_receipts(folder: str) -> Iterator[tuple[str, Receipt]]:
    """All receipts in a folder, with their paths."""
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return
    for name in names:
        if name.endswith(".json"):
            yield os.path.join(folder, name), read_receipt(os.path.join(folder, name))


def encode_receipt(receipt: Receipt) -> bytes:
    """The receipt as it is kept."""
    value = {
        "version": VERSION,
        "created": sorted(receipt.created),
        "folders": list(receipt.folders),
        "made": {path: sorted(map(list, made)) for path, made in sorted(receipt.made.items())},
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
