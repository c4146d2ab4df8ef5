"""Frames, footers and packs. They survive a round trip, and damaged ones never return wrong data."""

from __future__ import annotations

import itertools
import struct
import time

import cbor2
import pytest
import zstandard
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxstore.errors import Corrupt
from ctxstore.ids import ID_SIZE, IdKeys, Kind
from ctxstore.packs import format as pack_format
from ctxstore.packs.format import (
    CODEC_STORED,
    CODEC_ZSTD,
    FRAME_HEADER,
    MAX_FRAME_RAW,
    MAX_FRAME_STORED,
    MAX_OBJECT,
    PACK_MAGIC,
    TRAILER,
    Footer,
    FrameEntry,
    FrameHeader,
    decode_footer,
    decode_frame_header,
    decode_trailer,
    encode_footer,
    encode_frame_header,
    frame_check,
)
from ctxstore.packs.frames import ORDINARY, RECOMPRESS, Frame, pack_frame, split_frame, unpack_frame
from ctxstore.packs.names import PackInfo, epoch_of, make_name, number_of
from ctxstore.packs.reader import find_footer, iter_frames, read_footer
from ctxstore.storage.memory import MemoryStorage

KEYS = IdKeys()
objects = st.lists(
    st.tuples(
        st.sampled_from(Kind), st.binary(max_size=200) | st.binary(min_size=1, max_size=3).map(lambda b: b * 500)
    ),
    max_size=30,
)


def make_frame(objects, is_data=True):
    frame = Frame(is_data)
    for kind, data in objects:
        frame.add(kind, KEYS.id_of(kind, data), data)
    return frame


def taken_apart(data):
    return [(kind, bytes(part)) for kind, part in split_frame(*unpack_frame(data))]


def crafted(payload, *, codec=CODEC_ZSTD, raw, descriptor=1, stored=None):
    """Builds a frame with a valid checksum, whatever it contains."""
    stored = len(payload) if stored is None else stored
    header = FrameHeader(codec, 0, True, raw, stored, descriptor, b"")
    return encode_frame_header(header._replace(check=frame_check(header, payload))) + payload


def flips(data):
    """Yields the data with each byte changed in two ways."""
    for i in range(len(data)):
        for mask in (0x01, 0xFF):
            yield i, data[:i] + bytes([data[i] ^ mask]) + data[i + 1 :]


def cuts(data):
    return (data[:size] for size in range(len(data)))


@given(objects=objects, is_data=st.booleans(), how=st.sampled_from([ORDINARY, RECOMPRESS]))
@settings(deadline=None)
def test_a_frame_gives_back_its_objects(objects, is_data, how):
    packed = pack_frame(make_frame(objects, is_data), how)
    header, raw = unpack_frame(packed.data)
    assert taken_apart(packed.data) == [(int(kind), data) for kind, data in objects]
    assert header.is_data == is_data
    assert packed.raw == header.raw == len(raw)
    assert len(packed.data) == FRAME_HEADER + header.stored


def test_what_does_not_compress_is_stored_and_what_does_is_compressed():
    noise = blake3(b"noise").digest(length=3000)
    assert unpack_frame(pack_frame(make_frame([(1, noise)]), ORDINARY).data)[0].codec == CODEC_STORED
    assert unpack_frame(pack_frame(make_frame([(1, b"a" * 3000)]), ORDINARY).data)[0].codec == CODEC_ZSTD


def test_a_used_buffer_leaves_nothing_behind():
    frame = Frame(True, bytearray(b"old" * 5000))
    frame.add(Kind.CHUNK, b"i" * 32, b"new")
    assert taken_apart(pack_frame(frame, ORDINARY).data) == [(Kind.CHUNK, b"new")]


def test_a_frame_finds_an_object_by_its_id():
    frame = make_frame([(1, b"one"), (1, b""), (1, b"three")])
    assert [frame.find(KEYS.id_of(1, data)) for data in (b"one", b"", b"three", b"four")] == [
        b"one",
        b"",
        b"three",
        None,
    ]


@pytest.mark.parametrize("content", [b"text, and text, and text, and text, and text", b"\x00\xa7\x13"])
def test_a_frame_with_any_byte_changed_is_corrupt_or_right(content):
    objects = [(1, content), (2, b""), (7, content[:2])]
    packed = pack_frame(make_frame(objects), ORDINARY).data
    for _, damaged in flips(packed):
        try:
            found = taken_apart(damaged)
        except Corrupt:
            continue
        assert found == objects


def test_a_frame_that_is_cut_off_is_corrupt():
    for damaged in cuts(pack_frame(make_frame([(1, b"text" * 20), (2, b"x")]), ORDINARY).data):
        with pytest.raises(Corrupt):
            unpack_frame(damaged)


footers = st.lists(st.lists(st.tuples(st.sampled_from(Kind), st.integers(0, 1000)), max_size=10), max_size=4).map(
    lambda frames: Footer(
        [
            FrameEntry(i * 100, 50 + i, sum(length for _, length in frame) + 9, bool(i % 2), len(frame))
            for i, frame in enumerate(frames)
        ],
        b"".join(blake3(b"%d %d" % (i, j)).digest() for i, frame in enumerate(frames) for j in range(len(frame))),
        bytes(kind for frame in frames for kind, _ in frame),
        [length for frame in frames for _, length in frame],
    )
)


@given(footers)
@settings(deadline=None)
def test_a_footer_comes_back(footer):
    data = encode_footer(footer)
    assert decode_footer(data) == footer
    assert decode_footer(b"what comes before it" + data) == footer
    assert decode_trailer(data[-TRAILER:])[0] == len(data) - TRAILER


def test_a_footer_with_any_byte_changed_or_cut_off_is_corrupt():
    footer = Footer([FrameEntry(8, 60, 30, True, 2)], b"a" * 64, b"\x01\x01", [10, 11])
    data = encode_footer(footer)
    for damaged in itertools.chain((d for _, d in flips(data)), cuts(data)):
        with pytest.raises(Corrupt):
            decode_footer(damaged)


def read_pack(info, data):
    """Reads all objects of a pack by its footer, and compares their ids, as a reader does."""
    storage = MemoryStorage()
    storage.put(info.key, data)
    footer = read_footer(storage, info)
    found, at = [], 0
    for frame in footer.frames:
        _, raw = unpack_frame(storage.get(info.key, frame.offset, frame.stored))
        start = 0
        for i in range(at, at + frame.objects):
            kind, id = footer.kinds[i], footer.ids[i * ID_SIZE : (i + 1) * ID_SIZE]
            part = raw[start : start + footer.lengths[i]]
            start += footer.lengths[i]
            if KEYS.id_of(kind, part) != id:
                raise Corrupt("an object")
            found.append((kind, id, part))
        at += frame.objects
    return found


def test_a_pack_with_any_byte_changed_or_cut_off_is_corrupt_or_right(memory_packs):
    pack, written = memory_packs.write([b"some text " * 4, b"some text " * 3, b"", b"other"], size=20)
    data = memory_packs.storage.get(pack.info.key)
    assert len(data) == pack.info.size
    right = read_pack(pack.info, data)
    assert sorted(right) == sorted(written)
    for damaged in itertools.chain((d for _, d in flips(data)), cuts(data)):
        try:
            found = read_pack(pack.info, damaged)
        except Corrupt:
            continue
        assert found == right


def test_a_pack_without_its_footer_is_salvaged_frame_by_frame(memory_packs):
    pack, written = memory_packs.write([b"%d" % i * 30 for i in range(20)], size=100)
    data = memory_packs.storage.get(pack.info.key)[: -pack.info.footer]
    storage = MemoryStorage()
    storage.put(pack.info.key, data)
    info = pack.info._replace(size=len(data), footer=0)
    frames = list(iter_frames(storage, info))
    found = [(kind, bytes(part)) for _, header, raw in frames for kind, part in split_frame(header, raw)]
    assert len(frames) > 2
    assert [position for position, _, _ in frames] == [frame.offset for frame in pack.footer.frames]
    assert sorted((kind, KEYS.id_of(kind, part), part) for kind, part in found) == sorted(written)


def test_a_footer_is_found_by_the_pack_s_key_alone(memory_packs):
    pack, _ = memory_packs.write([b"a", b"b"])
    assert find_footer(memory_packs.storage, pack.info.key) == (pack.footer, pack.info.footer)
    for length in (0, 10, TRAILER):
        memory_packs.storage.put(f"packs/short-{length}", b"x" * length)
        with pytest.raises(Corrupt):
            find_footer(memory_packs.storage, f"packs/short-{length}")


@pytest.fixture
def quickly():
    """A limit of time and memory for a refusal."""
    start = time.perf_counter()
    yield
    assert time.perf_counter() - start < 5


@pytest.mark.parametrize(
    ("raw", "stored", "descriptor"),
    [(MAX_FRAME_RAW + 1, 10, 1), (10, MAX_FRAME_STORED + 1, 1), (10, 10, 11), (2**32 - 1, 2**32 - 1, 2**32 - 1)],
)
def test_a_header_that_claims_impossible_lengths_is_corrupt(raw, stored, descriptor):
    header = encode_frame_header(FrameHeader(CODEC_ZSTD, 0, True, raw, stored, descriptor, b"c" * 12))
    with pytest.raises(Corrupt, match="impossible"):
        decode_frame_header(header)


def test_a_payload_that_decompresses_to_more_than_it_says_is_refused_at_once(quickly):
    bomb = zstandard.ZstdCompressor(level=1).compress(bytes(300 << 20))
    assert len(bomb) < 100_000
    for raw in (100, MAX_FRAME_RAW):
        with pytest.raises(Corrupt):
            unpack_frame(crafted(bomb, raw=raw))
    compressor = zstandard.ZstdCompressor(level=1, write_content_size=False).compressobj()
    unsized = compressor.compress(bytes(32 << 20)) + compressor.flush()
    with pytest.raises(Corrupt):
        unpack_frame(crafted(unsized, raw=1000))


@pytest.mark.parametrize(
    "descriptor",
    [
        b"\x9b" + b"\xff" * 8,
        b"\x82\x5b\x00\x00\x00\xff\xff\xff\xff\xff",
        b"\x81" * 100_000,
        cbor2.dumps([b"\x01", [-1]]),
        cbor2.dumps([b"\x01", [2**63]]),
        cbor2.dumps([b"\x01", [MAX_OBJECT + 1]]),
        cbor2.dumps([b"\x01", [True]]),
        cbor2.dumps([b"\x01", ["1"]]),
        cbor2.dumps([b"\x01", []]),
        cbor2.dumps([b"\x01", [1], 0]),
        cbor2.dumps({0: b"\x01", 1: [1]}),
        cbor2.dumps(None),
        b"",
    ],
    ids=lambda data: data[:8].hex() or "empty",
)
def test_a_descriptor_that_does_not_fit_its_frame_is_corrupt(descriptor, quickly):
    raw = b"?" + descriptor
    with pytest.raises(Corrupt):
        taken_apart(crafted(raw, codec=CODEC_STORED, raw=len(raw), descriptor=len(descriptor)))


def with_trailer(body):
    return body + struct.pack("<I32s8s", len(body), blake3(body).digest(), PACK_MAGIC)


GOOD = {0: 1, 1: [[8, 60, 30, True, 1]], 2: b"a" * 32, 3: b"\x01", 4: [10]}


@pytest.mark.parametrize(
    "change",
    [
        {0: 2},
        {1: None},
        {1: [[8, 60, 30, True]]},
        {1: [[8, 60, 30, True, 2]]},
        {1: [[-8, 60, 30, True, 1]]},
        {1: [[8, 60.0, 30, True, 1]]},
        {1: [[8, MAX_FRAME_STORED + FRAME_HEADER + 1, 30, True, 1]]},
        {1: [[8, 60, MAX_FRAME_RAW + 1, True, 1]]},
        {2: b"a" * 31},
        {2: b"a" * 33},
        {2: b"a" * 64},
        {3: b"\x01\x01"},
        {4: [10, 10]},
        {4: [MAX_OBJECT + 1]},
        {4: ["10"]},
    ],
    ids=repr,
)
def test_a_footer_that_contradicts_itself_or_claims_too_much_is_corrupt(change):
    assert decode_footer(with_trailer(cbor2.dumps(GOOD)))
    with pytest.raises(Corrupt):
        decode_footer(with_trailer(cbor2.dumps({**GOOD, **change})))


@pytest.mark.parametrize("body", [b"", b"\x9b" + b"\xff" * 8, b"\x81" * 100_000, b"\xa1\x00\x5b" + b"\xff" * 8])
def test_a_footer_that_is_a_bomb_is_corrupt_at_once(body, quickly):
    with pytest.raises(Corrupt):
        decode_footer(with_trailer(body))


def test_a_footer_of_more_objects_than_the_cap_is_corrupt(monkeypatch):
    monkeypatch.setattr(pack_format, "MAX_OBJECTS", 3)
    footer = Footer([FrameEntry(8, 60, 30, True, 4)], b"a" * 128, b"\x01" * 4, [1] * 4)
    with pytest.raises(Corrupt):
        decode_footer(encode_footer(footer))


@pytest.mark.parametrize("footer", [0, TRAILER, 1000])
def test_sizes_in_the_root_that_cannot_be_are_corrupt(memory_packs, footer):
    info = PackInfo(make_name(0, memory_packs.random), 100, footer, 1, 1)
    with pytest.raises(Corrupt, match="impossible"):
        read_footer(memory_packs.storage, info)


def test_names_tell_their_epoch_and_number_and_nothing_else_is_a_name():
    name = make_name(0x1234, lambda size: bytes(range(size)))
    assert name == "00001234-000102030405060708090a0b0c0d0e0f"
    assert epoch_of(name) == 0x1234
    assert number_of(name) == int("0001020304050607", 16) >> 1
    for other in ("", name[:-1], name + "0", name + "\n", name.upper(), "00001234_" + name[9:], "../" + name):
        assert epoch_of(other) is None
        with pytest.raises(Corrupt):
            number_of(other)
