"""The original place of a context: the folder that its files were saved from, and what it contains now."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from typing import NamedTuple

from ctxstore.errors import Conflict
from ctxstore.ops.checkout.layout import WantedFiles
from ctxstore.ops.checkout.link_policy import LinkPolicy
from ctxstore.ops.checkout.own_files import DIRECTORY, PresentFiles, list_present
from ctxstore.sources.homes import ProjectHomes, label_of
from ctxstore.sources.protocol import Source, SourceHome
from ctxstore.trees.entries import SymlinkEntry


class OriginalPlace(NamedTuple):
    """The folder that a context's keys are relative to, the context's present files, and the links to write through."""

    folder: str
    present: PresentFiles
    links: LinkPolicy | None


def find_place(
    source: Source, home: SourceHome, name: str, entries: WantedFiles, environ: Mapping[str, str]
) -> OriginalPlace:
    """Finds the place of the context `name` in `home`. `entries` are the files to restore.

    Raises `Conflict` if a folder is in the place of a single file, or the reverse.
    """
    is_file = _is_single_file(home, entries, environ)
    if is_file and os.path.isdir(home.path):
        raise Conflict(
            f"{home.path} is a folder now, but was saved as a file",
            hint="move the folder away, or restore elsewhere with --to DIR",
        )
    if not is_file and os.path.lexists(home.path) and not os.path.isdir(home.path):
        what = f"a link to {os.path.realpath(home.path)}" if os.path.islink(home.path) else "a file"
        raise Conflict(
            f"{home.path} is {what} now, but was saved as a folder",
            hint="move it away, or restore elsewhere with --to DIR",
        )
    present = list_present(source, home, [name])
    folder = os.path.dirname(home.path) if is_file else home.path
    return OriginalPlace(folder, present, LinkPolicy() if is_file else link_policy(source, home, present, entries))


def link_policy(
    source: Source, home: SourceHome, present: PresentFiles, entries: WantedFiles, *, boundary: str = ""
) -> LinkPolicy | None:
    """Returns the links in an agent's home that a checkout writes through: those that are not saved as links."""
    if source.name == DIRECTORY:
        return None  # it saves every link inside a folder as a link
    if isinstance(source, ProjectHomes):
        boundary = boundary or os.path.realpath(home.path)  # a project's links may come from another person
    own = {file.key for file in present.files if stat.S_ISLNK(file.stat.st_mode)}
    return LinkPolicy(own | {path for path, entry in entries if isinstance(entry, SymlinkEntry)}, boundary)


def _is_single_file(home: SourceHome, entries: WantedFiles, environ: Mapping[str, str]) -> bool:
    """Whether the home is a single file, not a folder.

    The tree of a file `x` is the same as that of a folder `x` with a single file `x`. Only
    the label distinguishes them, which is that of the folder with the home's files.
    """
    folder, name = os.path.split(home.path)
    if [path for path, _ in entries] != [name]:
        return False
    labels = label_of(home.path, environ), label_of(folder, environ)
    if home.label in labels:
        return home.label == labels[1]
    # Saved with another HOME: the label is the end of the folder's path.
    ends = [path.endswith("/" + home.label) for path in (home.path, folder)]
    if ends[0] != ends[1]:
        return ends[1]
    if not os.path.lexists(home.path):
        raise Conflict(
            f"{home.path} was saved either as a file or as a folder with a file of that name",
            hint="restore it with --to DIR",
        )
    return not os.path.isdir(home.path)
