"""Credentials that are none, or may stay: fingerprints, and whether snapshots warn, kept as a setting."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from ctxstore.errors import InvalidInput, require_text
from ctxstore.history.engine import Engine
from ctxstore.objects.encoding import Json
from ctxstore.ops.refs.settings import change_setting, find_setting

SETTING = "secrets"

_FINGERPRINT = re.compile(r"[0-9a-f]{16}\Z")
_ALLOWED, _WARN = "allowed", "warn"


def read_allowed(engine: Engine) -> set[str]:
    """The fingerprints of credentials that are not reported."""
    found = _read(find_setting(engine, SETTING)).get(_ALLOWED)
    return {each for each in found if isinstance(each, str)} if isinstance(found, list) else set()


def allow(engine: Engine, fingerprints: Iterable[str]) -> bool:
    """Report these no more; False if none was. Raises `InvalidInput` for what is no fingerprint."""
    new = list(fingerprints)
    for each in new:
        require_text(each, "a fingerprint")
        if not _FINGERPRINT.match(each):
            raise InvalidInput(f"{each!r} is no fingerprint", hint="`ctx secrets` shows them: 16 hex digits")

    def change(value: Json) -> Json:
        found = _read(value)
        before = found.get(_ALLOWED)
        return {**found, _ALLOWED: sorted({*(before if isinstance(before, list) else ()), *new})}

    return change_setting(engine, SETTING, change, "secrets", f"allowed {', '.join(new)}")


def warns(engine: Engine) -> bool:
    """Whether every snapshot warns of credentials in what is new."""
    return _read(find_setting(engine, SETTING)).get(_WARN) is True


def set_warning(engine: Engine, is_on: bool) -> bool:
    """Let every snapshot warn, or none; False if that was so."""
    note = f"snapshots {'warn' if is_on else 'do not warn'}"
    return change_setting(engine, SETTING, lambda value: {**_read(value), _WARN: is_on}, "secrets", note)


def _read(value: Json) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
