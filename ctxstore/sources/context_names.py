"""Parts of contexts' names that are made from paths."""

from __future__ import annotations

import os

_GROUP = 200
"""Characters of a folder's path that are kept in a name: the last ones."""


def plain(text: str, keep: str = "") -> str:
    """Returns the text with ``-`` for all characters but ASCII letters and digits, and those of `keep`."""
    return "".join(c if (c.isascii() and c.isalnum()) or c in keep else "-" for c in text)


def hash_of(path: bytes) -> str:
    """Returns eight characters that differ between paths."""
    from blake3 import blake3  # only names that need it pay for the import

    return blake3(path).hexdigest(4)


def path_part(path: str) -> str:
    """Returns a whole path as one part of a name, different for every absolute path.

    `plain` can be reversed only for ``/``. If it replaces other characters, a dot and a hash follow. No encoding yields
    a dot.
    """
    part = plain(path)
    is_exact = "-" not in path and part == path.replace("/", "-") and path != "/"
    return part if is_exact else f"{part}.{hash_of(os.fsencode(path))}"


def group_of(folder: str) -> str:
    """Returns the folder in which a session worked, as the middle part of its name. Different folders may have the same
    part."""
    return plain(folder)[-_GROUP:] or "-"


def suffix_of(label: str, usual: str) -> str:
    """Returns the end that keeps two homes of one agent from using the same name.

    The end is empty for the usual home, else a dot and a hash. Sessions need no such end, because their names are
    unique.
    """
    return "" if label == usual else "." + hash_of(label.encode("utf-8", "surrogateescape"))
