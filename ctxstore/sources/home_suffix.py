"""What sets the settings and memories of a second home apart from the usual one's."""

from __future__ import annotations


def suffix_of(label: str, usual: str) -> str:
    """Empty for the home an agent usually has, else a dot and a hash, so that two do not take turns in one context.

    Sessions need none: they have names of their own.
    """
    if label == usual:
        return ""
    from blake3 import blake3

    return "." + blake3(label.encode("utf-8", "surrogateescape")).hexdigest(4)
