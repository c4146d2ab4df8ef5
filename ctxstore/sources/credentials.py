"""A check of small files of settings that may hold credentials: those are better left out."""

from __future__ import annotations

from ctxstore.sources.protocol import FoundFile
from ctxstore.sources.walk import read_head

LIMIT = 64 << 10
"""Bytes: a larger file is no list or settings, and is not searched."""

_SUSPICIOUS = (b"token", b"secret", b"password", b"api_key", b"apikey", b"authorization", b"private_key")


def may_hold_credentials(file: FoundFile) -> bool:
    """Whether the file has a word for credentials or an address with a user name, is too large, or can't be read."""
    try:
        text = read_head(file.path, LIMIT + 1).lower()
    except OSError:
        return True
    hosts = (url.partition(b"/")[0] for url in text.split(b"://")[1:])
    is_suspicious = any(word in text for word in _SUSPICIOUS) or any(b"@" in host for host in hosts)
    return len(text) > LIMIT or is_suspicious
