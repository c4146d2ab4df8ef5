"""The representation of a credential in reports: masked, with a fingerprint, never in full."""

from __future__ import annotations

from typing import NamedTuple

from blake3 import blake3

from ctxstore.history.engine import Engine
from ctxstore.ids import ObjectId

_CONTEXT = "ctxstore 1 fingerprint of a credential"


class SecretPlace(NamedTuple):
    """A place of a credential in a commit: in a file, a message or a memory.

    `path` is the file's path, empty for a program's message or memory. `line` counts from 1, or is None if unknown.
    `message` is the id of the message that contains the credential, or empty. `memory` is the memory's key, or empty.
    """

    ref: str
    commit: ObjectId
    path: str
    line: int | None = None
    message: str = ""
    memory: str = ""


class Secret(NamedTuple):
    """A credential that was found: its kind, its masked text, its fingerprint, and its places, each once."""

    kind: str
    masked: str
    fingerprint: str
    places: tuple[SecretPlace, ...]


def fingerprint_of(engine: Engine, secret: bytes) -> str:
    """Returns a fingerprint that identifies a credential within a repository.

    The hash is keyed with the repository's id. Somebody who has only the fingerprint cannot test guesses against it.
    """
    key = blake3(engine.config.id.encode(), derive_key_context=_CONTEXT).digest()
    return blake3(secret, key=key).hexdigest(8)


def mask(secret: bytes) -> str:
    """Masks a credential except for its first four and its last four characters.

    Of a short credential only two and two are visible, and of a very short one none.
    """
    text = secret.decode("utf-8", "backslashreplace").strip("-")
    visible = 4 if len(text) >= 24 else 2 if len(text) >= 12 else 0
    return f"{text[:visible]}…{text[-visible:]}" if visible else "…"
