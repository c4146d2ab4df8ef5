"""The setting about credentials: fingerprints that are not reported, and whether snapshots warn."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from ctxstore.errors import InvalidInput, require_text
from ctxstore.history.engine import Engine
from ctxstore.objects.encoding import Json
from ctxstore.ops.refs.settings import change_setting, find_setting

SETTING = "secrets"
"""The name of the setting."""

_FINGERPRINT = re.compile(r"[0-9a-f]{16}\Z")
_ALLOWED, _WARN = "allowed", "warn"


def read_allowed(engine: Engine) -> set[str]:
    """Returns the fingerprints of credentials that are not reported."""
    allowed = _as_object(find_setting(engine, SETTING)).get(_ALLOWED)
    return {each for each in allowed if isinstance(each, str)} if isinstance(allowed, list) else set()


def allow(engine: Engine, fingerprints: Iterable[str]) -> bool:
    """Adds fingerprints of credentials that are not to be reported any more.

    Returns False if all of them were allowed before. Raises `InvalidInput` for an invalid fingerprint.
    """
    new = list(fingerprints)
    for each in new:
        require_text(each, "a fingerprint")
        if not _FINGERPRINT.match(each):
            raise InvalidInput(
                f"{each!r} is not a fingerprint", hint="use the 16 hex digits that `ctx secrets` shows for a credential"
            )

    def change(value: Json) -> Json:
        setting = _as_object(value)
        before = setting.get(_ALLOWED)
        return {**setting, _ALLOWED: sorted({*(before if isinstance(before, list) else ()), *new})}

    return change_setting(engine, SETTING, change, "secrets", f"allowed {', '.join(new)}")


def is_warning_on(engine: Engine) -> bool:
    """Whether every snapshot warns about credentials in newly stored content."""
    return _as_object(find_setting(engine, SETTING)).get(_WARN) is True


def set_warning(engine: Engine, is_on: bool) -> bool:
    """Turns the warnings of snapshots on or off. Returns False if the setting had this value before."""
    note = f"snapshots {'warn' if is_on else 'do not warn'}"
    return change_setting(engine, SETTING, lambda value: {**_as_object(value), _WARN: is_on}, "secrets", note)


def _as_object(value: Json) -> dict[str, Any]:
    """Returns a setting if it is a JSON object, otherwise an empty one."""
    return value if isinstance(value, dict) else {}
