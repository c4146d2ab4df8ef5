"""Setting an agent up so that it calls `ctx hook`, and taking that out again.

An agent is a list of edits, each of one file; what they share is here: the plan, and the receipt.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple, Protocol

from ctxstore.errors import InvalidInput
from ctxstore.integrations.settings.json_edit import EditedText
from ctxstore.integrations.settings.plan import SettingsChange, SettingsPlan, encoded, read, read_text
from ctxstore.integrations.settings.receipt import (
    Receipt,
    encode_receipt,
    iter_receipts,
    read_receipt,
    receipt_path,
)
from ctxstore.integrations.state_folders import hooks_folder, missing_folders


class HookProgram(NamedTuple):
    """What hooks run: the path of `ctx`, and the repository if one was named."""

    ctx: str
    repo: str | None = None


class SettingsEdit(Protocol):
    """What an agent's file is to have in it."""

    @property
    def path(self) -> str:
        """The file."""

    @property
    def blank(self) -> str | None:
        """What a file that is not there starts with; None: it is not made."""

    def put_in(self, text: str, made: frozenset[tuple[str, ...]]) -> EditedText:
        """The text with it. Raises `InvalidInput`."""

    def take_out(self, text: str, made: frozenset[tuple[str, ...]]) -> str:
        """The text without it. Raises `InvalidInput`."""

    def is_blank(self, text: str) -> bool:
        """Whether nothing is in the text."""


class Copy(NamedTuple):
    """A file that is ours alone."""

    path: str
    data: bytes
    mode: int = 0o600


class Setup(NamedTuple):
    """How an agent is set up. `place`: the folder of all copies, in which nothing else is; `notes`: what its user has
    to know; `folders`: what the agent itself makes for it."""

    agent: str
    edits: Sequence[SettingsEdit]
    copies: Sequence[Copy] = ()
    place: str = ""
    notes: Sequence[str] = ()
    folders: Sequence[str] = ()


def plan_install(setup: Setup, environ: Mapping[str, str]) -> SettingsPlan:
    """What setting the agent up changes. Raises `InvalidInput` for settings that can't be read, `StorageError`."""
    place = receipt_path(setup.agent, environ)
    receipt = read_receipt(place)
    made = dict(receipt.made)
    changes = [SettingsChange(copy.path, read(copy.path), copy.data, copy.mode) for copy in setup.copies]
    changes += [SettingsChange(path, read(path), None) for path in _old_copies(setup)]
    for edit in setup.edits:
        text = read_text(edit.path)
        if text is None and edit.blank is None:
            continue
        with _named(edit.path):
            added = edit.put_in(text if text is not None else edit.blank or "", receipt.made_in(edit.path))
        made[edit.path] = receipt.made_in(edit.path) | set(added.made)
        changes.append(SettingsChange(edit.path, text.encode() if text is not None else None, encoded(added.text)))
    created = {change.path for change in changes if change.before is None}
    folders = [*receipt.folders, *missing_folders(map(os.path.dirname, [*created, place])), *_folders_of_others(place)]
    kept = Receipt(receipt.created | created, tuple(dict.fromkeys(folders)), made)
    changes.append(SettingsChange(place, read(place), encode_receipt(kept)))
    return SettingsPlan(setup.agent, changes, (), setup.notes)


def plan_uninstall(setup: Setup, environ: Mapping[str, str]) -> SettingsPlan:
    """What taking all of it out changes. Raises as `plan_install`."""
    place = receipt_path(setup.agent, environ)
    receipt = read_receipt(place)
    changes = []
    for edit in setup.edits:
        text = read_text(edit.path)
        if text is None:
            continue
        with _named(edit.path):
            rest = edit.take_out(text, receipt.made_in(edit.path))
        is_gone = edit.path in receipt.created and edit.is_blank(rest)
        changes.append(SettingsChange(edit.path, text.encode(), None if is_gone else encoded(rest)))
    ours = [*(copy.path for copy in setup.copies), *_old_copies(setup), place]
    hooks = hooks_folder(environ)
    if not any(other != place for other, _ in iter_receipts(os.path.dirname(place))) and os.path.isdir(hooks):
        ours += [entry.path for entry in os.scandir(hooks)]  # nobody calls any more
    changes += [SettingsChange(path, read(path), None) for path in ours]
    return SettingsPlan(setup.agent, changes, [*receipt.folders, *setup.folders, hooks])


def _old_copies(setup: Setup) -> list[str]:
    """What another version put where our copies are."""
    there = (os.path.join(place, name) for place, _, names in os.walk(setup.place or os.devnull) for name in names)
    return sorted(set(there) - {copy.path for copy in setup.copies})


def _folders_of_others(place: str) -> list[str]:
    """Folders above all receipts that an earlier installation made: they go with the last one."""
    others = (receipt for path, receipt in iter_receipts(os.path.dirname(place)) if path != place)
    return [folder for other in others for folder in other.folders if place.startswith(os.path.join(folder, ""))]


@contextmanager
def _named(path: str) -> Iterator[None]:
    """Errors in the block say which file they are about."""
    try:
        yield
    except InvalidInput as error:
        raise InvalidInput(f"{path}: {error.message}", hint=error.hint) from error
