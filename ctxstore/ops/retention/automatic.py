"""Automatic retention after a snapshot, by the setting `retention`. It takes a limited share of the time."""

from __future__ import annotations

from typing import NamedTuple

from ctxstore.history.engine import Engine
from ctxstore.history.refs import SETTING
from ctxstore.ids import ObjectId, as_id
from ctxstore.ops.refs.cache_notes import read_values, write_values
from ctxstore.ops.refs.settings import RETENTION
from ctxstore.ops.retention.forget import ForgetResult, Selection, forget
from ctxstore.ops.retention.named_policies import get_automatic_policies, get_policy

WAIT_FACTOR = 100
"""The time until retention runs again, as a multiple of the time that the last run took.

Retention reads all contexts, including unchanged ones. With 50,000 commits this takes seconds.
"""

VERSION = 1
_NAME = "retention-note"


class _Note(NamedTuple):
    """The end of the last automatic retention (ns), its duration (ns), and the setting it applied."""

    time: int
    duration: int
    setting: ObjectId | None


def apply_retention(engine: Engine) -> ForgetResult | None:
    """Forgets commits by the automatic policies. Returns None if none is set, or if it is too soon.

    Raises the same errors as `forget`.
    """
    setting = engine.refs(engine.root()).find(SETTING + RETENTION)
    if setting is None:
        return None
    started = engine.environment.clock()
    note = _read_note(engine)
    if note is not None and note.setting == setting and 0 <= started - note.time < note.duration * WAIT_FACTOR:
        return None
    selections = [Selection(each.pattern, get_policy(engine, each.policy)) for each in get_automatic_policies(engine)]
    result = forget(engine, selections, after_snapshot=True)
    ended = engine.environment.clock()
    write_values(engine, _NAME, VERSION, _Note(ended, max(0, ended - started), setting))
    return result


def _read_note(engine: Engine) -> _Note | None:
    """Returns the note of the last automatic retention, or None if it is missing or damaged."""
    try:
        time, duration, setting = read_values(engine, _NAME, VERSION) or []
        if type(time) is not int or type(duration) is not int:
            return None
        return _Note(time, duration, as_id(setting))
    except (TypeError, ValueError):
        return None
