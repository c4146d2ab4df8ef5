"""The source ``directory``: any folder, or a single file, given by its path."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping

from ctxstore.errors import NotFound
from ctxstore.sources.context_names import hash_of, plain
from ctxstore.sources.homes import label_of
from ctxstore.sources.protocol import (
    Attributes,
    FoundContext,
    FoundFile,
    Message,
    ReportSkipped,
    Scanner,
    Skipped,
    SourceHome,
)
from ctxstore.sources.walk import report_outside, walk, why_not


class Directory:
    """Every home is one context, with all files below it. There are no messages in it."""

    name = "directory"
    agent = "Directory"

    def discover(self, environ: Mapping[str, str]) -> list[SourceHome]:
        """Returns no homes: the user names folders, with `home_at`."""
        return []

    def home_at(self, path: str, environ: Mapping[str, str]) -> SourceHome:
        """Returns the home for a folder or file. Raises `NotFound`."""
        absolute = os.path.abspath(path)
        if not os.path.lexists(absolute):
            raise NotFound(f"no such file or folder: {path}")
        # A file is laid out in its folder under its own name, which is its key.
        laid_out = absolute if os.path.isdir(absolute) else os.path.dirname(absolute)
        return SourceHome(self.name, absolute, label_of(laid_out, environ))

    def contexts(self, home: SourceHome, report: ReportSkipped) -> Iterator[FoundContext]:
        """Yields the one context of `home`."""
        yield FoundContext(context_name(home.path), _files(home.path, report))

    def find_context(self, home: SourceHome, name: str, report: ReportSkipped) -> FoundContext | None:
        """Returns the home's context if `name` is its name, else None."""
        return next(self.contexts(home, report)) if name == context_name(home.path) else None

    def scanner(self, context: str, key: str, before: Attributes | None = None) -> Scanner | None:
        """Returns None, because a folder's files decide no attributes."""
        return None

    def transcript(self, context: str, keys: Iterable[str]) -> str | None:
        """Returns None, because no file contains messages."""
        return None

    def messages(self, lines: Iterable[bytes], offset: int = 0) -> Iterator[Message]:
        """Yields all bytes as messages of role ``unknown``, because their format is not known."""
        for block in lines:
            if block:
                yield Message(f"@{offset}", "unknown", (), None, None, bytes(block), offset)
                offset += len(block)

    def is_memory(self, key: str) -> bool:
        """Returns false: a folder has files only, no memories."""
        return False


def context_name(path: str) -> str:
    """Returns ``directory/<group>/<name>``, different for every absolute path.

    The group is the parent's path with ``-`` for all characters but ASCII letters and digits. This can be reversed only
    for ``/``. If it replaces other characters, a dot and a hash of the path follow. No encoding yields a dot.
    """
    parent, base = os.path.split(path)
    name = plain(base, keep="._-") or "root"
    group = plain(parent)
    exact = name == base and "-" not in parent and group == parent.replace("/", "-")
    if not exact:
        group += "." + hash_of(os.fsencode(path))
    return f"directory/{group}/{name}"


def _files(path: str, report: ReportSkipped) -> list[FoundFile]:
    if os.path.isdir(path):
        return walk(path, "", report_outside(path, report))
    real = os.path.realpath(path)  # the path was given by a person, who means what it leads to
    try:
        status = os.lstat(real)
    except OSError as error:
        report(Skipped(path, error.strerror or str(error)))
        return []
    key = os.path.basename(path)
    reason = why_not(key, status.st_mode) or why_not(os.path.basename(real), status.st_mode)
    if reason:
        report(Skipped(path, reason, failed=False))
        return []
    return [FoundFile(key, real, status)]
