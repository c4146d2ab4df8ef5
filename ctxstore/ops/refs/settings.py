"""Settings of a repository: named JSON values in the refs map.

Each change is one entry of the op log and can be undone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ctxstore.history.engine import Engine
from ctxstore.history.refs import SETTING
from ctxstore.history.transaction import Move, transaction
from ctxstore.ids import Kind, ObjectId
from ctxstore.objects.encoding import Json, decode_record, encode_record
from ctxstore.ops.refs.retry import retry

RETENTION = "retention"
"""The setting of the policies that snapshots apply. See `ctxstore.ops.retention.named_policies`."""


def has_setting(engine: Engine, name: str) -> bool:
    """Whether a setting exists. Reads one key."""
    return engine.refs(engine.root()).find(SETTING + name) is not None


def find_setting(engine: Engine, name: str) -> Json:
    """Returns the value of a setting, or None. Raises `Corrupt`."""
    id = engine.refs(engine.root()).find(SETTING + name)
    return None if id is None else _read(engine, id)


def iter_settings(engine: Engine, prefix: str = "") -> Iterator[tuple[str, Json]]:
    """Yields (name, value) of the settings whose names start with `prefix`, sorted by name. Raises `Corrupt`."""
    for name, id in engine.refs(engine.root()).iter_all(SETTING + prefix):
        yield name.removeprefix(SETTING), _read(engine, id)


def change_setting(engine: Engine, name: str, change: Callable[[Json], Json], command: str, note: str = "") -> bool:
    """Replaces a setting's value by the result of `change`, in one run of `command`. A value of None removes the
    setting.

    Returns False if the value is unchanged. `change` is called again after a lost race.
    """
    return retry(lambda: _change_once(engine, SETTING + name, change, command, note))


def _change_once(engine: Engine, key: str, change: Callable[[Json], Json], command: str, note: str) -> bool:
    """Attempts the change once."""
    with transaction(engine) as tx:
        old = tx.refs.find(key)
        value = change(None if old is None else _read(engine, old))
        new = None if value is None else tx.writer.put(Kind.RECORD, encode_record(value))
        if new == old:
            return False
        tx.publish([Move(key, old, new)], command, note)
    return True


def _read(engine: Engine, id: ObjectId) -> Json:
    """Reads the value of a setting."""
    return decode_record(engine.store.get(id, Kind.RECORD))
