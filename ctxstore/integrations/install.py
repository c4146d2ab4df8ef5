"""Plans the installation and removal of `ctx hook` in an agent's settings.

Each agent provides a list of edits, each for one file. This module plans them, and keeps the receipt.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple, Protocol

from ctxstore.errors import InvalidInput
from ctxstore.integrations.settings.json_edit import EditedText
from ctxstore.integrations.settings.plan import SettingsChange, SettingsPlan, encode_settings, read_file, read_text
from ctxstore.integrations.settings.receipt import (
    Receipt,
    encode_receipt,
    iter_receipts,
    read_receipt,
    receipt_path,
)
from ctxstore.integrations.state_folders import hooks_folder, missing_folders


class HookProgram(NamedTuple):
    """The program that hooks run: the path of `ctx`, and a repository unless it is the user's own."""

    ctx: str
    repo: str | None = None


class SettingsEdit(Protocol):
    """An addition to a settings file that can be removed again.

    `containers` are the paths of objects and lists that an earlier edit created in the file.
    """

    @property
    def path(self) -> str:
        """The path of the file."""

    @property
    def blank(self) -> str | None:
        """The initial text of a missing file, or None if the file is not created."""

    def add_to(self, text: str, containers: frozenset[tuple[str, ...]]) -> EditedText:
        """Returns the text with the addition. Raises `InvalidInput`."""

    def remove_from(self, text: str, containers: frozenset[tuple[str, ...]]) -> str:
        """Returns the text without the addition. Raises `InvalidInput`."""

    def is_blank(self, text: str) -> bool:
        """Whether the text contains no settings."""


class Copy(NamedTuple):
    """A file that belongs to ctxstore alone, to be written next to the agent's files."""

    path: str
    data: bytes
    mode: int = 0o600


class Setup(NamedTuple):
    """The files and settings that connect an agent to ctxstore.

    `copies_folder` contains all copies and nothing else. `notes` are shown to the user. `agent_folders` are created by
    the agent, and removed on uninstallation if they are empty.
    """

    agent: str
    edits: Sequence[SettingsEdit]
    copies: Sequence[Copy] = ()
    copies_folder: str = ""
    notes: Sequence[str] = ()
    agent_folders: Sequence[str] = ()


def plan_install(setup: Setup, environ: Mapping[str, str]) -> SettingsPlan:
    """Plans the installation for an agent. Raises `InvalidInput` for settings that cannot be parsed, `StorageError`."""
    path_of_receipt = receipt_path(setup.agent, environ)
    receipt = read_receipt(path_of_receipt)
    containers = dict(receipt.containers)
    changes = [SettingsChange(copy.path, read_file(copy.path), copy.data, copy.mode) for copy in setup.copies]
    changes += [SettingsChange(path, read_file(path), None) for path in _outdated_copies(setup)]
    for edit in setup.edits:
        text = read_text(edit.path)
        if text is None and edit.blank is None:
            continue
        known = receipt.containers_in(edit.path)
        with _error_context(edit.path):
            edited = edit.add_to(text if text is not None else edit.blank or "", known)
        containers[edit.path] = known | set(edited.containers)
        before = text.encode() if text is not None else None
        changes.append(SettingsChange(edit.path, before, encode_settings(edited.text)))
    created = {change.path for change in changes if change.before is None}
    missing = missing_folders(map(os.path.dirname, [*created, path_of_receipt]))
    folders = [*receipt.folders, *missing, *_folders_of_others(path_of_receipt)]
    new_receipt = Receipt(receipt.created | created, tuple(dict.fromkeys(folders)), containers)
    changes.append(SettingsChange(path_of_receipt, read_file(path_of_receipt), encode_receipt(new_receipt)))
    return SettingsPlan(setup.agent, changes, (), setup.notes)


def plan_uninstall(setup: Setup, environ: Mapping[str, str]) -> SettingsPlan:
    """Plans the removal of an installation. Raises as `plan_install` does."""
    path_of_receipt = receipt_path(setup.agent, environ)
    receipt = read_receipt(path_of_receipt)
    changes = []
    for edit in setup.edits:
        text = read_text(edit.path)
        if text is None:
            continue
        with _error_context(edit.path):
            rest = edit.remove_from(text, receipt.containers_in(edit.path))
        is_removed = edit.path in receipt.created and edit.is_blank(rest)
        changes.append(SettingsChange(edit.path, text.encode(), None if is_removed else encode_settings(rest)))
    ours = [*(copy.path for copy in setup.copies), *_outdated_copies(setup), path_of_receipt]
    hooks, receipts = hooks_folder(environ), iter_receipts(os.path.dirname(path_of_receipt))
    if os.path.isdir(hooks) and not any(path != path_of_receipt for path, _ in receipts):
        ours += [entry.path for entry in os.scandir(hooks)]  # no other agent uses the folder
    changes += [SettingsChange(path, read_file(path), None) for path in ours]
    return SettingsPlan(setup.agent, changes, [*receipt.folders, *setup.agent_folders, hooks])


def _outdated_copies(setup: Setup) -> list[str]:
    """Finds the copies of another version of ctxstore that this version does not have."""
    walk = os.walk(setup.copies_folder or os.devnull)
    found = {os.path.join(folder, name) for folder, _, names in walk for name in names}
    return sorted(found - {copy.path for copy in setup.copies})


def _folders_of_others(path_of_receipt: str) -> list[str]:
    """Returns folders above the receipts that other installations created. The last uninstallation removes them."""
    others = (each for path, each in iter_receipts(os.path.dirname(path_of_receipt)) if path != path_of_receipt)
    folders = (folder for other in others for folder in other.folders)
    return [folder for folder in folders if path_of_receipt.startswith(os.path.join(folder, ""))]


@contextmanager
def _error_context(path: str) -> Iterator[None]:
    """Adds the path to the message of an `InvalidInput` raised in the block."""
    try:
        yield
    except InvalidInput as error:
        raise InvalidInput(f"{path}: {error.message}", hint=error.hint) from error
