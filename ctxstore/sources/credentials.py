"""Whether a small file of settings may hold credentials: then it is better left out."""

from __future__ import annotations

import os

from ctxstore.sources.protocol import FoundFile

LIMIT = 64 << 10
"""Bytes: what is larger is no list or settings, and is not looked through."""

_SUSPICIOUS = (b"token", b"secret", b"password", b"api_key", b"apikey", b"authorization", b"private_key")


def may_hold_credentials(file: FoundFile) -> bool:
    """Whether a word in it speaks of credentials, or an address has a name before its host, or it can't be read."""
    try:
        fd = os.open(file.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(fd, "rb") as opened:
            text = opened.read(LIMIT + 1).lower()
    except OSError:
        return True
    hosts = (url.partition(b"/")[0] for url in text.split(b"://")[1:])
    is_suspicious = any(word in text for word in _SUSPICIOUS) or any(b"@" in host for host in hosts)
    return len(text) > LIMIT or is_suspicious
