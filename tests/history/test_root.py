"""Root, manifests and config: they survive a round trip, and are refused when damaged or of another format."""

from __future__ import annotations

import json

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxstore.errors import AlreadyExists, Corrupt, NotFound, UnknownFormat
from ctxstore.history import root as root_module
from ctxstore.history.config import FORMAT, Config, decode_config, encode_config
from ctxstore.history.engine import create, open_engine, real_environment
from ctxstore.history.root import MAGIC, RepositoryState, RootFile, advanced, decode_root, encode_root
from ctxstore.history.transaction import transaction
from ctxstore.objects.chunker import Chunker, ChunkerSettings
from ctxstore.objects.encoding import encode_structure
from ctxstore.packs.names import MAX_EPOCH, PackInfo, make_name
from ctxstore.storage.memory import MemoryStorage

ID = bytes(range(32))
PACK = PackInfo("00000003-000102030405060708090a0b0c0d0e0f", 1234, 200, 7, 5000)
ROOT = RepositoryState(5, 3, 17, (PACK,), None, ID, None, ID)
CONFIG = Config("00" * 16, 123, ChunkerSettings())

ids = st.binary(min_size=32, max_size=32)
names = st.builds(
    lambda epoch, tail: make_name(epoch, lambda _: tail),
    st.integers(0, 2**32 - 1),
    st.binary(min_size=16, max_size=16),
)
numbers = st.integers(0, 2**63 - 1)
roots = st.builds(
    RepositoryState,
    numbers,
    st.integers(0, 2**32 - 1),
    numbers,
    st.lists(st.builds(PackInfo, names, numbers, numbers, numbers, numbers), max_size=5).map(tuple),
    st.none() | names,
    ids,
    st.none() | ids,
    st.none() | ids,
)


def sealed(body, magic=MAGIC):
    return magic + len(body).to_bytes(4, "little") + body + blake3(body).digest()


def root_fields(**changes):
    fields = {0: 1, 1: 5, 2: 3, 3: 17, 4: [list(PACK)], 5: None, 6: ID, 7: None, 8: ID}
    fields.update({int(key[1:]): value for key, value in changes.items()})
    return fields


@given(roots)
@settings(deadline=None)
def test_a_root_comes_back(root):
    assert decode_root(encode_root(root)) == root


def test_a_root_with_any_byte_changed_or_cut_off_is_refused():
    data = encode_root(ROOT)
    for i in range(len(data)):
        for mask in (1, 0x80, 0xFF):
            with pytest.raises((Corrupt, UnknownFormat)) as raised:
                decode_root(data[:i] + bytes([data[i] ^ mask]) + data[i + 1 :])
            assert raised.type is Corrupt or i == 7, i  # the version byte may be that of a later release
        with pytest.raises(Corrupt):
            decode_root(data[:i])
    with pytest.raises(Corrupt):
        decode_root(data + b"\0")


@pytest.mark.parametrize(
    "changes",
    [
        {"_1": -1},
        {"_1": True},
        {"_2": "3"},
        {"_3": 1.5},
        {"_4": None},
        {"_4": [["../../etc/passwd", 1, 1, 1, 1]]},
        {"_4": [[PACK.name, 1, 1, 1]]},
        {"_4": [[PACK.name, 1, 1, 1, -1]]},
        {"_4": [[7, 1, 1, 1, 1]]},
        {"_4": [[None, 1, 1, 1, 1]]},
        {"_5": "../x"},
        {"_5": 7},
        {"_6": None},
        {"_6": b"short"},
        {"_8": "x" * 32},
    ],
    ids=repr,
)
def test_a_root_whose_fields_are_wrong_is_corrupt(changes):
    assert decode_root(sealed(encode_structure(root_fields()))) == ROOT
    with pytest.raises(Corrupt):
        decode_root(sealed(encode_structure(root_fields(**changes))))


@pytest.mark.parametrize("data", [b"", MAGIC, b"x" * 100, sealed(b""), sealed(b"\x9b" + b"\xff" * 8)])
def test_what_is_no_root_is_corrupt(data):
    with pytest.raises(Corrupt):
        decode_root(data)


@pytest.mark.parametrize(
    "data",
    [
        sealed(b"whatever a later release keeps", b"ctxroot\x02"),
        sealed(encode_structure(root_fields(_0=2))),
        sealed(encode_structure([2, "another shape"])),
    ],
)
def test_a_root_of_another_format_is_refused_for_reading_and_for_writing(world, data):
    engine = world.open()
    world.commit(engine, "a/b", "one")
    world.storage.swap(world.storage.read_root(), data)
    with pytest.raises(UnknownFormat):
        world.open().root()
    with pytest.raises(UnknownFormat):
        engine.root()
    with pytest.raises(UnknownFormat), transaction(engine):
        pass
    assert world.storage.read_root() == data


def test_a_root_that_is_gone_damaged_or_too_large_is_named(world, monkeypatch):
    engine = world.open()
    good = world.storage.read_root()
    world.storage.swap(good, good[:-1] + b"?")
    with pytest.raises(Corrupt, match="root is damaged"):
        engine.root()
    with pytest.raises(Corrupt):
        world.open().root()
    world.storage.swap(world.storage.read_root(), good)
    monkeypatch.setattr(root_module, "MAX_ROOT", 10)
    with pytest.raises(Corrupt, match="large"):
        world.open().root()


def test_a_storage_without_a_root_has_no_repository():
    storage = MemoryStorage()
    with pytest.raises(NotFound):
        open_engine(storage, None)
    storage.put("config", encode_config(CONFIG))
    with pytest.raises(Corrupt, match="root is missing"):
        open_engine(storage, None).root()


def test_an_unchanged_root_is_the_one_that_is_known():
    storage = MemoryStorage()
    file = RootFile(storage)
    assert file.read() is None
    file.swap(None, ROOT)
    known = file.read()
    assert known == (ROOT, encode_root(ROOT))
    assert file.read(known) is known
    file.swap(known[1], advanced(ROOT, 20))
    assert file.read(known)[0].serial == 6


def manifest_world(body, magic=MAGIC):
    storage = MemoryStorage()
    name = make_name(3, bytes)
    storage.put(f"manifests/{name}", sealed(body, magic))
    return RootFile(storage), ROOT._replace(manifest=name)


def test_a_manifest_lists_the_older_packs_before_the_root_s():
    older = PACK._replace(name=make_name(1, bytes))
    file, root = manifest_world(encode_structure([1, [list(older)]]))
    assert file.packs(root) == (older, PACK)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x9b" + b"\xff" * 8,
        encode_structure([1]),
        encode_structure([1, [["x", 1, 1, 1, 1]]]),
        encode_structure({}),
    ],
)
def test_a_malformed_manifest_is_corrupt(body):
    file, root = manifest_world(body)
    with pytest.raises(Corrupt):
        file.packs(root)


def test_a_manifest_of_another_format_is_refused():
    for file, root in (
        manifest_world(encode_structure([2, []])),
        manifest_world(encode_structure([1, []]), b"ctxroot\x02"),
    ):
        with pytest.raises(UnknownFormat):
            file.packs(root)


def test_a_config_comes_back():
    config = Config("0123456789abcdef" * 2, 1_700_000_000_000_000_000, ChunkerSettings(8192, 2048, 65536, 7))
    assert decode_config(encode_config(config)) == config


def config_value(**changes):
    value = json.loads(encode_config(CONFIG))
    value.update(changes)
    return json.dumps(value).encode()


CHUNKS = json.loads(encode_config(CONFIG))["chunker"]


@pytest.mark.parametrize("version", [0, 2, 99, "1", None, 1.5])
def test_a_config_of_another_format_is_refused(version):
    with pytest.raises(UnknownFormat):
        decode_config(config_value(format=version))


def test_a_repository_of_another_format_is_refused_and_not_written_to(world):
    data = world.storage.get("config")
    world.storage.delete("config")
    world.storage.put("config", data.replace(b'"format": 1', b'"format": 2'))
    with pytest.raises(UnknownFormat):
        world.open()
    with pytest.raises(AlreadyExists):
        create(world.storage, world.environment)
    assert FORMAT == 1


def test_an_unknown_way_of_cutting_is_refused():
    with pytest.raises(UnknownFormat):
        decode_config(config_value(chunker={**CHUNKS, "algorithm": "rabin"}))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"[" * 100_000,
        json.dumps({"ctxstore": "something else", "format": 1}).encode(),
        config_value(chunker=None),
        config_value(chunker={"algorithm": "fastcdc-2020"} | {"unknown": 1}),
        config_value(chunker={**CHUNKS, "minimum": 0}),
        config_value(chunker={**CHUNKS, "minimum": 50_000}),
        config_value(chunker={**CHUNKS, "maximum": 1 << 30}),
        config_value(chunker={**CHUNKS, "minimum": "4096"}),
        config_value(chunker={**CHUNKS, "minimum": 4.96}),
        config_value(chunker={**CHUNKS, "average": None}),
        config_value(chunker={**CHUNKS, "seed": -1}),
        config_value(chunker={**CHUNKS, "seed": 2**64}),
        config_value(chunker={**CHUNKS, "seed": True}),
        config_value(created="yesterday"),
    ],
    ids=lambda data: data[-50:].decode("latin-1") or "empty",
)
def test_a_damaged_config_is_corrupt(data):
    with pytest.raises(Corrupt):
        decode_config(data)


@pytest.mark.parametrize("sizes", [(256, 64, 1024), (1 << 20, 1 << 20, 1 << 20), (16384, 4096, 131072)])
@pytest.mark.parametrize("seed", [0, 1, 2**63 - 1])
def test_every_config_that_is_accepted_can_cut(sizes, seed):
    settings = decode_config(encode_config(CONFIG._replace(chunker=ChunkerSettings(*sizes, seed)))).chunker
    assert b"".join(map(bytes, Chunker(settings).cut([b"x" * 5000]))) == b"x" * 5000


def test_a_repository_cannot_be_made_twice(world):
    with pytest.raises(AlreadyExists):
        create(world.storage, world.environment)


def test_an_init_that_was_cut_short_after_the_config_is_gone_on_with(world):
    storage = MemoryStorage()
    storage.put("config", encode_config(CONFIG))
    engine = create(storage, world.environment)
    assert engine.config == CONFIG
    assert len(engine.refs(engine.root())) == 0


def test_of_two_inits_at_once_both_open_the_one_repository(world):
    class Late(MemoryStorage):
        def swap(self, expected, new):
            if others:
                others.pop()()
            super().swap(expected, new)

    storage = Late()
    others = [lambda: create(storage, world.environment)]
    engine = create(storage, world.environment)
    assert engine.root().serial == 0
    assert len(engine.refs(engine.root())) == 0


def test_the_last_epoch_is_not_left_for_one_that_no_root_can_have():
    last = ROOT._replace(epoch=MAX_EPOCH, epoch_time=0)
    after = advanced(last, 10 * root_module.EPOCH_NS)
    assert (after.serial, after.epoch) == (last.serial + 1, MAX_EPOCH)
    assert decode_root(encode_root(after)) == after


def test_a_repository_made_by_a_clock_before_1970_can_be_opened():
    storage = MemoryStorage()
    environment = real_environment()._replace(clock=lambda: -5)
    create(storage, environment)
    assert open_engine(storage, environment).root().epoch_time == 0
