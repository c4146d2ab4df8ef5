"""Ids as OpenCode makes them: a kind, 6 bytes of time and number in hex, 14 characters by chance."""

from __future__ import annotations

import re

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CHANCE = 14
_ID = re.compile(r"([a-z]+_[0-9a-f]{12})[0-9A-Za-z]{14}")


def new_session(now: int, random: bytes) -> str:
    """Returns a session's id. The newest sort first, so its time is inverted."""
    time = (now // 1_000_000 * 4096 + 1) % (1 << 48)
    return f"ses_{time ^ ((1 << 48) - 1):012x}{_letters(random)}"


def renamed(id: str, session: str) -> str:
    """Returns the id of a message or part in the copy `session`. It sorts as the old one does."""
    from blake3 import blake3

    made = _ID.fullmatch(id)
    chance = _letters(blake3(f"{session}/{id}".encode("utf-8", "surrogateescape")).digest())
    return (made[1] if made else id) + chance


def _letters(random: bytes) -> str:
    number = int.from_bytes(random[:16], "big")
    letters = []
    for _ in range(_CHANCE):
        number, rest = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[rest])
    return "".join(letters)
