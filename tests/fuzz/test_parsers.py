"""Parsers with any bytes. They return a value of the right types or raise a typed error. A test's id has its seed."""

from __future__ import annotations

import itertools
import time
import types

import pytest

from ctxstore.errors import CtxstoreError
from tests.fuzz.mutations import bombs, mutants, wrong_values
from tests.fuzz.parsers import PARSERS, vector, wrong_configs

EACH = 3000
SLOWEST = 2.0
"""The seconds that one input may take. The limit is high because the machine has other work."""

JSON = (dict, list, str, int, float, bool, types.NoneType)
parsers = pytest.mark.parametrize("parser", PARSERS, ids=lambda parser: parser.name)


def outcome(parser, data):
    """Whether the parser accepted the bytes. Any exception without a type of the store fails the test."""
    start = time.perf_counter()
    try:
        value = parser.parse(data)
    except CtxstoreError as error:
        assert error.message
        return False
    finally:
        assert time.perf_counter() - start < SLOWEST
    if parser.name == "record":
        assert_json(value)
    if parser.encode is not None:
        encoded = parser.encode(value)
        assert parser.encode(parser.parse(encoded)) == encoded
    return True


def assert_json(value):
    assert type(value) in JSON
    if isinstance(value, dict):
        assert set(map(type, value)) <= {str}
        value = list(value.values())
    for item in value if isinstance(value, list) else ():
        assert_json(item)


def report(parser, record_property, inputs):
    taken = refused = 0
    for data in inputs:
        if outcome(parser, data):
            taken += 1
        else:
            refused += 1
    record_property("inputs", taken + refused)
    print(f"{parser.name}: {taken + refused} inputs, {refused} refused")
    return taken, refused


@parsers
def test_examples_are_taken(parser):
    """Without this the other tests would prove nothing."""
    for data in parser.examples:
        if "node" not in parser.name and parser.name not in ("list root", "map root"):
            assert outcome(parser, data)


@parsers
def test_mutated_bytes_are_refused_or_mean_something(parser, record_property):
    others = [example for other in PARSERS for example in other.examples]
    each = -(-EACH // len(parser.examples))
    made = itertools.chain.from_iterable(mutants(data, each, parser.name, others) for data in parser.examples)
    taken, refused = report(parser, record_property, made)
    assert taken + refused >= EACH
    assert refused > EACH // 4 or parser.name == "stat cache"


@pytest.mark.parametrize("parser", [p for p in PARSERS if p.body], ids=lambda parser: parser.name)
def test_wrong_values_under_a_right_checksum_are_refused_or_mean_something(parser, record_property):
    each = -(-EACH // len(parser.examples))
    bodies = itertools.chain.from_iterable(
        wrong_values(parser.body(data), each, parser.name) for data in parser.examples
    )
    taken, refused = report(parser, record_property, (parser.seal(body) for body in bodies))
    assert taken + refused >= EACH
    assert refused > EACH // 4 or parser.name == "stat cache"


@pytest.mark.parametrize("parser", [p for p in PARSERS if p.body], ids=lambda parser: parser.name)
def test_mutated_bodies_under_a_right_checksum_are_refused_or_mean_something(parser, record_property):
    bodies = mutants(
        parser.body(parser.examples[0]), EACH // 2, f"{parser.name} body", [vector("op"), vector("record")]
    )
    report(parser, record_property, (parser.seal(body) for body in bodies))


@pytest.mark.parametrize("parser", [p for p in PARSERS if p.body], ids=lambda parser: parser.name)
def test_bombs_are_refused_at_once(parser):
    for name, data in bombs():
        if parser.name == "stat cache":
            assert parser.parse(parser.seal(data)) == []
        else:
            assert not outcome(parser, parser.seal(data)) or name.endswith("on long bytes"), name


def test_wrong_configs_are_refused():
    (config,) = (parser for parser in PARSERS if parser.name == "config")
    for data in wrong_configs():
        assert not outcome(config, data) or b'"created"' in data, data[:200]
