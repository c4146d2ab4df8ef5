"""Settings of a repository: JSON values by name, in the refs map, so that each change is a run and can be undone."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ctxstore.history.engine import Engine
from ctxstore.history.refs import SETTING
from ctxstore.history.transaction import Move, transaction
from ctxstore.ids import Kind, ObjectId
from ctxstore.objects.encoding import Json, decode_record, encode_record
from ctxstore.ops.refs.retry import retry

RETENTION = "retention"
"""Which policies snapshots apply: see `ctxstore.ops.retention.named_policies.get_automatic_policies`."""


def has_setting(engine: Engine, name: str) -> bool:
    """Whether a setting is there. Reads one key."""
    return engine.refs(engine.root()).find(SETTING + name) is not None


def find_setting(engine: Engine, name: str) -> Json:
    """A setting's value, or None. Raises `Corrupt`."""
    id = engine.refs(engine.root()).find(SETTING + name)
    return None if id is None else _read(engine, id)


def iter_settings(engine: Engine, prefix: str = "") -> Iterator[tuple[str, Json]]:
    """(name, value) of the settings whose names start with `prefix`, sorted. Raises `Corrupt`."""
    for name, id in engine.refs(engine.root()).iter_all(SETTING + prefix):
        yield name.removeprefix(SETTING), _read(engine, id)


def change_setting(engine: Engine, name: str, change: Callable[[Json], Json], command: str, note: str = "") -> bool:
    """Set a setting to what `change` makes of its value, one run of `command`; None: it is not there.

    False when it had that value already. `change` is called anew when somebody else was faster.
    """
    return retry(lambda: _change_once(engine, SETTING + name, change, command, note))


def _change_once(engine: Engine, key: str, change: Callable[[Json], Json], command: str, note: str) -> bool:
    with transaction(engine) as tx:
        old = tx.refs.find(key)
        value = change(None if old is None else _read(engine, old))
        new = None if value is None else tx.writer.put(Kind.RECORD, encode_record(value))
        if new == old:
            return False
        tx.publish([Move(key, old, new)], command, note)
    return True


def _read(engine: Engine, id: ObjectId) -> Json:
    return decode_record(engine.store.get(id, Kind.RECORD))
