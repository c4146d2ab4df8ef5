"""Chunks. They depend on the bytes only, never on the sizes of the reads."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxstore.objects.chunker import Chunker, ChunkerSettings

SMALL = ChunkerSettings(average=256, minimum=64, maximum=1024)
CHUNKER = Chunker(SMALL)


def cut(blocks, chunker=CHUNKER):
    return [bytes(chunk) for chunk in chunker.cut(blocks)]


def noise(seed, size):
    return random.Random(seed).randbytes(size)


datas = st.builds(
    b"".join,
    st.lists(
        st.builds(noise, st.integers(0, 50), st.integers(0, 3000))
        | st.builds(lambda byte, size: bytes([byte]) * size, st.integers(0, 255), st.integers(0, 3000)),
        max_size=4,
    ),
)


@given(data=datas, cuts=st.lists(st.integers(0, 12_000), max_size=12))
@settings(deadline=None)
def test_chunks_are_the_same_wherever_the_blocks_break(data, cuts):
    edges = sorted({0, len(data), *(c for c in cuts if c < len(data))})
    blocks = [data[a:b] for a, b in itertools.pairwise(edges)]
    assert cut(blocks) == cut([data])


@given(data=datas, size=st.integers(1, 40))
@settings(deadline=None, max_examples=25)
def test_chunks_are_the_same_for_tiny_blocks_and_empty_ones(data, size):
    blocks = [part for i in range(0, len(data), size) for part in (data[i : i + size], b"")]
    assert cut(blocks) == cut([data])


@given(datas)
@settings(deadline=None)
def test_chunks_joined_are_the_data_and_keep_the_limits(data):
    chunks = cut([data])
    assert b"".join(chunks) == data
    assert all(0 < len(chunk) <= SMALL.maximum for chunk in chunks)
    assert all(len(chunk) >= SMALL.minimum for chunk in chunks[:-1])


@given(data=datas, more=datas)
@settings(deadline=None)
def test_what_is_appended_changes_the_last_chunk_only(data, more):
    chunks = cut([data])
    assert cut([data + more])[: max(0, len(chunks) - 1)] == chunks[:-1]


@pytest.mark.parametrize("size", [0, 1, 63, 64, 65, 255, 256, 257, 1023, 1024, 1025, 2048, 2049])
def test_runs_of_one_byte_are_cut_alike_however_they_arrive(size):
    data = b"\0" * size
    for block in (1, 64, 1024, 1025):
        assert cut([data[i : i + block] for i in range(0, size, block)]) == cut([data])


def test_an_insertion_moves_only_the_chunks_around_it():
    data = noise(1, 100_000)
    old, new = cut([data]), cut([data[:50_000] + b"inserted" + data[50_000:]])
    assert len(set(new) - set(old)) <= 4


def test_the_seed_changes_the_cuts():
    data = noise(1, 20_000)
    assert cut([data]) != cut([data], Chunker(SMALL._replace(seed=1)))


def test_chunks_of_the_default_settings_are_about_as_large_as_they_say():
    chunks = cut([noise(2, 4 << 20)], Chunker(ChunkerSettings()))
    assert 12_000 < (4 << 20) / len(chunks) < 24_000
