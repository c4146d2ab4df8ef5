"""A credential as it is shown: never as it is."""

from __future__ import annotations

from typing import NamedTuple

from blake3 import blake3

from ctxstore.history.engine import Engine
from ctxstore.ids import ObjectId

_CONTEXT = "ctxstore 1 fingerprint of a credential"


class SecretPlace(NamedTuple):
    """Where a credential is: in a file of a commit, or a program's message (`path` ``""``) or memory.

    `line` counts from 1, None: not known. `message` is the id of the message it is in, ``""`` when it is in none.
    """

    ref: str
    commit: ObjectId
    path: str
    line: int | None = None
    message: str = ""
    memory: str = ""


class Secret(NamedTuple):
    """A credential: its kind, a few characters of it, its fingerprint, and where it is; each place once."""

    kind: str
    masked: str
    fingerprint: str
    places: tuple[SecretPlace, ...]


def fingerprint_of(engine: Engine, secret: bytes) -> str:
    """Tells credentials of one repository apart. It is keyed: who has it only can't try what it may be of."""
    key = blake3(engine.config.id.encode(), derive_key_context=_CONTEXT).digest()
    return blake3(secret, key=key).hexdigest(8)


def mask(secret: bytes) -> str:
    """The first and last few characters, of a short one fewer or none."""
    text = secret.decode("utf-8", "backslashreplace").strip("-")
    shown = 4 if len(text) >= 24 else 2 if len(text) >= 12 else 0
    return f"{text[:shown]}…{text[-shown:]}" if shown else "…"
