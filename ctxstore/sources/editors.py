"""The folders of an editor's extension: one for each editor, with the same name on Linux and macOS."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ctxstore.sources.context_names import suffix_of

EDITORS = ("Code", "Code - Insiders", "Code - OSS", "VSCodium", "Cursor", "Windsurf", "Trae", "Kiro")
SERVERS = (".vscode-server", ".vscode-server-insiders", ".vscodium-server", ".cursor-server", ".windsurf-server")
PROGRAMS = frozenset(
    {"cline", "code", "code-insiders", "code-oss", "codium", "vscodium", "cursor", "windsurf", "trae", "kiro"}
    | {"Code", "Code - Insiders", "VSCodium", "Cursor", "Windsurf", "Trae", "Kiro"}
)
"""The processes of editors, on Linux and macOS."""
SCRIPTS = tuple(f"/{server}/" for server in SERVERS)
"""A part of the path of a remote editor's programs."""
_STORAGE = "User/globalStorage"
_EDITOR = re.compile(r"(?:^|/)\.?([A-Za-z][A-Za-z -]*)(?:/data)?/User/globalStorage/[^/]+$")
_USUAL = {".cline/data": "cli", ".cline": "user", ".roo": "user", "Documents/Cline": "documents"}


class TaskShape(NamedTuple):
    """The files and folders of a home that a snapshot includes besides tasks, as paths below the home. Files in
    `secrets` are excluded."""

    files: tuple[str, ...]
    folders: tuple[str, ...]
    secrets: frozenset[str] = frozenset()


def extension_folders(extension: str, environ: Mapping[str, str]) -> Iterator[str]:
    """Yields the folders of `extension` that exist."""
    yield from (os.path.abspath(path) for path in _folders(extension, environ) if os.path.isdir(path))


def _folders(extension: str, environ: Mapping[str, str]) -> Iterator[str]:
    home = environ.get("HOME", "")
    if not home:
        return
    folders = [os.path.join(home, ".config"), os.path.join(home, "Library", "Application Support")]
    chosen = environ.get("XDG_CONFIG_HOME", "")
    if os.path.isabs(chosen) and os.path.normpath(chosen) not in folders:
        folders.append(os.path.normpath(chosen))
    for folder in folders:
        for editor in EDITORS:
            yield os.path.join(folder, editor, _STORAGE, extension)
    for server in SERVERS:
        yield os.path.join(home, server, "data", _STORAGE, extension)


def group_of(label: str) -> str:
    """Returns the group of a home's contexts by its label: ``code``, ``code-insiders``, ``vscode-server``, ``cli``.

    The group of any other folder contains a hash of it, so that two folders never share a group.
    """
    if label in _USUAL:
        return _USUAL[label]
    found = _EDITOR.search(label)
    name = "-".join(found[1].lower().replace("-", " ").split()) if found else "data"
    if found and label.startswith((".config/", "Library/", f".{name}/")):
        return name
    return name + suffix_of(label, "")
