"""The op log: one entry (an op) for each run of a command that wrote, with the refs that it moved.

docs/format/history.md is normative.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ctxstore.errors import Corrupt
from ctxstore.history.commits import Author, decode_integer, decode_string, decode_text, encode_text
from ctxstore.ids import Kind, ObjectId, as_id
from ctxstore.objects.encoding import decode_structure, encode_structure
from ctxstore.trees.sequence import Getter, Putter

VERSION = 1


class RefChange(NamedTuple):
    """A ref's move from `old` to `new`. None means that the ref did not exist before, or does not exist any more."""

    ref: str
    old: ObjectId | None
    new: ObjectId | None


class Op(NamedTuple):
    """An entry of the op log.

    - `previous`: the id of the entry before, or None for the first one.
    - `time`: in UTC nanoseconds.
    - `refs`: the id of the complete refs map after the command. With it the refs at any time can be read, and a lost
      root can be rebuilt.
    - `forgotten`: the id of the map of forgotten commits after the command, or None if there is no such map.
    - `undoes`: the id of the entry that an undo reverted, or None if the command was no undo.
    """

    previous: ObjectId | None
    time: int
    author: Author
    command: str
    note: str
    refs: ObjectId
    changes: tuple[RefChange, ...]
    statistics: Mapping[str, int]
    forgotten: ObjectId | None = None
    undoes: ObjectId | None = None


class StoredOp(NamedTuple):
    """An op and its id."""

    id: ObjectId
    op: Op


def encode_op(op: Op) -> bytes:
    """Encodes an op as the bytes of its object."""
    fields: dict[int, Any] = {
        0: VERSION,
        1: op.previous,
        2: op.time,
        3: [encode_text(text) for text in op.author],
        4: op.command,
        5: encode_text(op.note),
        6: op.refs,
        7: [[encode_text(change.ref), change.old, change.new] for change in op.changes],
        8: {key: op.statistics[key] for key in sorted(op.statistics)},
    }
    if op.forgotten is not None:
        fields[9] = op.forgotten
    if op.undoes is not None:
        fields[10] = op.undoes
    return encode_structure(fields)


def decode_op(data: bytes) -> Op:
    """Decodes the bytes of an op object. Raises `Corrupt`."""
    fields = decode_structure(data)
    try:
        if type(fields) is not dict or fields[0] != VERSION:
            raise ValueError("unknown version")
        op = Op(
            previous=as_id(fields[1]),
            time=decode_integer(fields[2]),
            author=Author(*(decode_text(text) for text in fields[3])),
            command=decode_string(fields[4]),
            note=decode_text(fields[5]),
            refs=as_id(fields[6]),
            changes=tuple(RefChange(decode_text(ref), as_id(old), as_id(new)) for ref, old, new in fields[7]),
            statistics={decode_string(key): decode_integer(value) for key, value in fields[8].items()},
            forgotten=as_id(fields.get(9)),
            undoes=as_id(fields.get(10)),
        )
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise Corrupt("the record of a run is malformed") from error
    if op.refs is None:
        raise Corrupt("the record of a run is malformed")
    return op


def read_op(getter: Getter, id: ObjectId) -> Op:
    """Reads an op. Raises `NotFound`, `Corrupt`."""
    return decode_op(getter.get(id, Kind.OP))


def write_op(putter: Putter, op: Op) -> ObjectId:
    """Stores an op and returns its id."""
    return putter.put(Kind.OP, encode_op(op))


def moved_back(run: StoredOp, command: str, refs: ObjectId) -> Op:
    """Returns an op to follow `run` that moves its refs back. `refs` is the id of the refs map before `run`."""
    changes = tuple(RefChange(change.ref, change.new, change.old) for change in run.op.changes)
    return run.op._replace(previous=run.id, command=command, refs=refs, changes=changes, statistics={}, undoes=None)


def iter_ops(getter: Getter, newest: ObjectId | None) -> Iterator[StoredOp]:
    """Yields the ops from `newest` back to the first."""
    while newest is not None:
        op = read_op(getter, newest)
        yield StoredOp(newest, op)
        newest = op.previous
