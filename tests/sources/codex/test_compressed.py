"""Rollouts that Codex compressed. They read like plain ones, whatever they contain, and take the memory of a line."""

from __future__ import annotations

import resource
from collections.abc import Iterator

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxstore.sources.codex import Codex, compressed
from ctxstore.sources.protocol import Attributes, messages_of
from tests.sources.homes.codex import DAY, PACKED, PACKED_KEY, rollout

CONTEXT = f"codex/{DAY}/{PACKED}"
TEXT = rollout(PACKED).encode()


def pack(data: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(data)


def scan(data: bytes, size: int = 1 << 20, before: Attributes | None = None) -> Attributes:
    scanner = Codex().scanner(CONTEXT, PACKED_KEY, before)
    assert scanner is not None
    for at in range(0, len(data), size):
        scanner.feed(data[at : at + size])
    return scanner.finish()


def unpacked(*blocks: bytes) -> bytes:
    return b"".join(compressed.unpack(blocks))


def test_a_packed_rollout_is_read_as_the_plain_one() -> None:
    plain = list(Codex().messages([TEXT]))
    assert list(messages_of(Codex(), PACKED_KEY, [pack(TEXT)])) == plain
    assert list(messages_of(Codex(), PACKED_KEY.removesuffix(".zst"), [TEXT])) == plain


@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_a_packed_rollout_is_summed_up_as_the_plain_one(size: int) -> None:
    assert scan(pack(TEXT), size) == Attributes("Oil the wheels", "Codex", "engine-2", "/home/ada/engine", 9)


def test_frames_one_after_another_are_one_file() -> None:
    assert unpacked(pack(TEXT[:100]) + pack(TEXT[100:]), pack(TEXT)) == TEXT + TEXT


@pytest.mark.parametrize("left", [0, 1, 4, 9, 200])
def test_a_file_cut_short_gives_what_is_left(left: int) -> None:
    assert TEXT.startswith(unpacked(pack(TEXT)[:left]))
    assert scan(pack(TEXT)[:left]).messages is not None


def test_what_is_no_zstd_comes_out_as_it_is_and_is_unknown() -> None:
    assert unpacked(b"not zstd at all", b"really") == b"not zstd at allreally"
    assert [m.role for m in messages_of(Codex(), PACKED_KEY, [b"not zstd"])] == ["unknown"]


@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=200), cut=st.integers(0, 400), junk=st.binary(max_size=200))
def test_any_bytes_are_counted_as_they_are_read(data: bytes, cut: int, junk: bytes) -> None:
    stored = pack(TEXT + data)[:cut] + junk
    messages = list(messages_of(Codex(), PACKED_KEY, [stored]))
    counted = sum(message.role in ("user", "assistant", "system", "tool") for message in messages)
    assert scan(stored, 50).messages == counted
    assert b"".join(message.raw for message in messages) == unpacked(stored)


@pytest.mark.slow
def test_a_bomb_is_defused(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = pack(b"\0" * (1 << 30))
    assert len(bomb) < 1 << 17
    monkeypatch.setattr(compressed, "LIMIT", 64 << 20)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sizes = [len(block) for block in compressed.unpack([bomb])]
    assert sum(sizes) <= (64 << 20) + len(bomb)
    assert max(sizes) <= 48 << 20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 256 << 10


def test_what_was_added_to_a_packed_rollout_is_not_counted_without_the_rest() -> None:
    known = Attributes("Oil", "Codex", "m", "/p", 4)
    assert scan(pack(TEXT), before=known) == known._replace(messages=None)


def test_blocks_are_asked_for_one_at_a_time() -> None:
    asked: list[int] = []

    def blocks() -> Iterator[bytes]:
        for index in range(3):
            asked.append(index)
            yield pack(TEXT)

    next(compressed.unpack(blocks()))
    assert asked == [0]
