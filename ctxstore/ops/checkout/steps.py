"""The steps of a checkout: which files to create, replace, remove and keep."""

from __future__ import annotations

from typing import NamedTuple

from ctxstore.ops.checkout.rewritten_file import RewrittenFile
from ctxstore.trees.entries import Entry


class CheckoutAction(NamedTuple):
    """A step of a checkout: `verb` is create, replace, remove or keep. `path` is relative to the target, `size` is in
    bytes."""

    verb: str
    path: str
    size: int


class CheckoutStep(NamedTuple):
    """An action and the entry to restore. The entry is None for a removal."""

    action: CheckoutAction
    entry: Entry | RewrittenFile | None


class LeftOutFile(NamedTuple):
    """A file that is not written into an agent's home, and the reason. `path` is relative to the home."""

    path: str
    reason: str


class UnreadablePart(NamedTuple):
    """A damaged or missing context or file, and the error. The rest is restored."""

    what: str
    message: str
