"""Bytes with errors, made from a seed: the work of a broken disk, a broken program or an attacker."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import cbor2

ODD_NUMBERS = (0, 1, 23, 255, 2**16, 2**31, 2**32 - 1, 2**60, 2**63 - 1, 2**63, 2**64 - 1, 2**70)
"""Numbers at which lengths and counts overflow."""

ODD_VALUES: tuple[Any, ...] = (
    *ODD_NUMBERS,
    *(-number for number in ODD_NUMBERS),
    *(None, True, False, 0.0, 1.0, -1.5, float("inf"), float("nan"), cbor2.undefined, cbor2.CBORSimpleValue(99)),
    *(b"", b"x" * 31, b"x" * 32, b"x" * 33, b"\xff", "", "text", "\0", "0" * 64, "../../x"),
    *([], [[]], [None], [b"x" * 32], {}, {0: 1}, {"a": None}),
)

TAGS = (0, 1, 2, 3, 4, 5, 16, 24, 25, 28, 29, 30, 35, 36, 37, 100, 256, 258, 260, 261, 1004, 27680, 43000, 55799, 2**40)
"""The tags that cbor2 decodes specially, the format's own tags, and some without a meaning."""

_ODD_BYTES = (
    b"\0",
    b"\xff",
    b"\x7f",
    b"\x80",
    b"\x9b" + b"\xff" * 8,
    b"\x5b" + b"\x7f" * 8,
    b"\x9f",
    b"\xbf",
    b"\xff\xff",
)


def mutants(data: bytes, count: int, seed: object, others: list[bytes]) -> Iterator[bytes]:
    """Yields `count` damaged versions of `data`, some of them spliced with `others`."""
    chance = random.Random(f"{seed}")
    for _ in range(count):
        mutant = bytearray(data)
        for _ in range(chance.choice((1, 1, 1, 2, 5))):
            chance.choice(_WAYS)(mutant, chance, others)
        yield bytes(mutant)


def _flip(data: bytearray, chance: random.Random, others: list[bytes]) -> None:
    if data:
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def _set(data: bytearray, chance: random.Random, others: list[bytes]) -> None:
    if data:
        data[chance.randrange(len(data))] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))


def _cut(data: bytearray, chance: random.Random, others: list[bytes]) -> None:
    del data[chance.randrange(len(data) + 1) :]


def _remove(data: bytearray, chance: random.Random, others: list[bytes]) -> None:
    start = chance.randrange(len(data) + 1)
    del data[start : start + chance.randrange(1, 9)]


def _insert(data: bytearray, chance: random.Random, others: list[bytes]) -> None:
    at = chance.randrange(len(data) + 1)
    data[at:at] = chance.choice((*_ODD_BYTES, chance.randbytes(chance.randrange(1, 40))))


def _append(data: bytearray, chance: random.Random, others: list[bytes]) -> None:
    data += chance.choice((*_ODD_BYTES, bytes(data), chance.randbytes(3)))


def _splice(data: bytearray, chance: random.Random, others: list[bytes]) -> None:
    other = chance.choice(others)
    data[chance.randrange(len(data) + 1) :] = other[chance.randrange(len(other) + 1) :]


def _overwrite_number(data: bytearray, chance: random.Random, others: list[bytes]) -> None:
    size = chance.choice((1, 2, 4, 8))
    at = chance.randrange(len(data) + 1)
    number = chance.choice(ODD_NUMBERS) % (1 << 8 * size)
    data[at : at + size] = number.to_bytes(size, chance.choice(("little", "big")))


def _noise(data: bytearray, chance: random.Random, others: list[bytes]) -> None:
    data[:] = chance.randbytes(chance.randrange(200))


_WAYS = (_flip, _flip, _set, _cut, _remove, _insert, _append, _splice, _overwrite_number, _noise)


def wrong_values(data: bytes, count: int, seed: object) -> Iterator[bytes]:
    """Yields `count` versions of a CBOR value that are valid CBOR with other content."""
    chance = random.Random(f"{seed}")
    value = cbor2.loads(data)
    while count:
        try:
            changed = value
            for _ in range(chance.choice((1, 1, 2, 3))):
                changed = _change(changed, chance)
            made = cbor2.dumps(changed)
        except (cbor2.CBOREncodeError, TypeError):
            continue  # for example an unhashable key
        count -= 1
        yield made


def _change(value: Any, chance: random.Random) -> Any:
    """Replaces, tags, repeats or removes one value within a value."""
    if isinstance(value, list) and value and chance.random() < 0.85:
        return _change_item(value, chance)
    if isinstance(value, dict) and value and chance.random() < 0.85:
        return _change_field(value, chance)
    way = chance.randrange(8)
    if way < 2:
        return cbor2.CBORTag(chance.choice(TAGS), chance.choice((value, *ODD_VALUES)))
    if way == 2:
        return [value] if chance.random() < 0.5 else {0: value}
    if way == 3:
        return _near(value, chance)
    return chance.choice(ODD_VALUES)


def _near(value: Any, chance: random.Random) -> Any:
    if isinstance(value, bytes):
        return value[:-1] if chance.random() < 0.5 else value + b"\0"
    return value + chance.choice((-1, 1)) if isinstance(value, int) else value


def _change_item(value: list[Any], chance: random.Random) -> list[Any]:
    at = chance.randrange(len(value))
    way = chance.randrange(10)
    if way == 0:
        return value[:at] + value[at + 1 :]
    if way == 1:
        return [*value[:at], value[at], *value[at:]]
    if way == 2:
        return [*value[:at], chance.choice(ODD_VALUES), *value[at:]]
    if way == 3:
        return value[::-1]
    return [*value[:at], _change(value[at], chance), *value[at + 1 :]]


def _change_field(value: dict[Any, Any], chance: random.Random) -> dict[Any, Any]:
    key = chance.choice(list(value))
    way = chance.randrange(8)
    if way == 0:
        return {other: item for other, item in value.items() if other != key}
    if way == 1:
        return {**value, chance.choice((-1, 99, "9", b"9", None, 1.0, True, (1, 2))): chance.choice(ODD_VALUES)}
    return {**value, key: _change(value[key], chance)}


def bombs() -> Iterator[tuple[str, bytes]]:
    """Yields the (name, CBOR) of values that cost a careless decoder memory, time or stack."""
    huge = (2**60).to_bytes(8, "big")
    for name, head in (("bytes", 0x5B), ("text", 0x7B), ("array", 0x9B), ("map", 0xBB)):
        yield f"{name} of 2^60", bytes([head]) + huge + b"\0" * 20
        yield f"{name} of 2^32-1", bytes([head - 1]) + b"\xff" * 4 + b"\0" * 20
        yield f"an array that starts with {name} of 2^60", b"\x82" + bytes([head]) + huge
    for name, head in (("arrays", b"\x81"), ("maps", b"\xa1\0"), ("keys", b"\xa1"), ("endless arrays", b"\x9f")):
        yield f"{name} 100,000 deep", head * 100_000
        yield f"{name} 100,000 deep and closed", head * 100_000 + b"\0"
    for tag in TAGS:
        head = cbor2.dumps(cbor2.CBORTag(tag, None))[:-1]
        yield f"tag {tag} 100,000 deep", head * 100_000 + b"\0"
        yield f"tag {tag} on a large exponent", head + b"\x82\x1b" + b"\x00\x00\x00\xff\xff\xff\xff\xff" + b"\x01"
        yield (
            f"tag {tag} on a large negative exponent",
            head + b"\x82\x3b" + b"\x00\x00\x00\xff\xff\xff\xff\xff" + b"\x01",
        )
        yield f"tag {tag} on a long text", head + cbor2.dumps("(" * 50_000)
        yield f"tag {tag} on long bytes", head + cbor2.dumps(b"\xff" * 500_000)
        yield f"tag {tag} on an empty array", head + b"\x80"
    shared = cbor2.CBORTag(28, [])
    for _ in range(200):
        shared = cbor2.CBORTag(28, [shared, cbor2.CBORTag(29, 0), cbor2.CBORTag(29, 0)])
    yield "values that are shared", cbor2.dumps(shared)
    yield "a value that holds itself", b"\xd8\x1c\x82\xd8\x1d\x00\xd8\x1d\x00"
    yield "a string of endless parts", b"\x5f" + b"\x41x" * 100_000
