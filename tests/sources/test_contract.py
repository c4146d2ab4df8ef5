"""The contract of every source."""

from __future__ import annotations

import os
import stat
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxstore.sources import agents
from ctxstore.sources.directory import Directory
from ctxstore.sources.protocol import Attributes, FoundContext, Skipped, Source, SourceHome
from ctxstore.sources.registry import get_source


class Case(NamedTuple):
    source: Source
    root: SourceHome


AGENTS = sorted(agents.AGENTS.keys() - {"directory"})
"""The sources that find their own data. ``tests/sources/homes/<name>.py`` makes a home for each."""


def make_home(name: str, folder: Path) -> None:
    """Writes a home (for ``directory``: a folder) that has one of everything the source knows."""
    import_module(f"tests.sources.homes.{name.replace('-', '_')}").make(folder)


@pytest.fixture(params=sorted(agents.AGENTS))
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Case:
    source = get_source(request.param)
    place = tmp_path / "ada"
    make_home(source.name, place)
    if isinstance(source, Directory):
        return Case(source, source.home_at(str(place), {"HOME": str(tmp_path)}))
    return Case(source, source.discover({"HOME": str(place), "PWD": str(place)})[0])


def found(case: Case) -> list[FoundContext]:
    return list(case.source.contexts(case.root, lambda _: None))


def shape(context: FoundContext | None) -> object:
    """Returns everything but times: reading a folder may change the time of its last access."""
    return context and (context.name, [(f.key, f.path, f.stat.st_ino, f.state) for f in context.files])


def test_a_root_is_absolute_and_labelled_relative_to_the_home(case: Case) -> None:
    assert os.path.isabs(case.root.path)
    assert case.root.label and not case.root.label.startswith("/")
    assert case.root.source == case.source.name


def test_a_home_with_nothing_in_it_has_no_roots(case: Case, tmp_path_factory: pytest.TempPathFactory) -> None:
    assert case.source.discover({"HOME": str(tmp_path_factory.mktemp("bare"))}) == []
    assert case.source.discover({}) == []


def test_names_begin_with_the_source_and_are_unique(case: Case) -> None:
    names = [context.name for context in found(case)]
    assert names and len(set(names)) == len(names)
    assert all(name.split("/")[0] == case.source.name for name in names)


def test_contexts_come_in_the_same_order_every_time(case: Case) -> None:
    assert list(map(shape, found(case))) == list(map(shape, found(case)))


def test_files_come_in_the_order_of_their_keys_each_once(case: Case) -> None:
    for context in found(case):
        keys = [file.key for file in context.files]
        assert all(one < next for one, next in pairwise(keys))


def test_every_file_is_there_and_its_stat_is_lstat(case: Case) -> None:
    for file in (file for context in found(case) for file in context.files):
        assert os.path.isabs(file.path) and os.path.lexists(file.path)
        assert file.content is not None or (file.stat.st_ino, file.stat.st_mode) == (
            os.lstat(file.path).st_ino,
            os.lstat(file.path).st_mode,
        )


def test_keys_stay_below_the_root(case: Case) -> None:
    for file in (file for context in found(case) for file in context.files):
        assert not {"", ".", ".."} & set(file.key.split("/"))
        assert file.content is not None or file.path == os.path.join(case.root.path, file.key)


def test_a_context_found_by_name_is_the_listed_one(case: Case) -> None:
    for context in found(case):
        by_name = case.source.find_context(case.root, context.name, lambda _: None)
        assert shape(by_name) == shape(context)
    for name in ("", "x", case.source.name, f"{case.source.name}/no/such", f"{case.source.name}/a/b/c"):
        assert case.source.find_context(case.root, name, lambda _: None) is None


def test_a_fifo_is_reported_and_the_rest_goes_on(case: Case) -> None:
    before = found(case)
    files = [file for context in before for file in context.files]
    path = next(f.path for f in files if f.content is None and stat.S_ISREG(f.stat.st_mode))
    os.unlink(path)
    os.mkfifo(path)
    reports: list[Skipped] = []
    after = list(case.source.contexts(case.root, reports.append))
    assert [skipped.path for skipped in reports if "FIFO" in skipped.reason] == [path]
    untouched = [context.name for context in before if path not in {file.path for file in context.files}]
    assert {context.name for context in after} >= set(untouched)


def test_secrets_are_never_listed(case: Case) -> None:
    for name in (".credentials.json", "auth.json", "oauth_creds.json", "secrets.json"):
        Path(case.root.path, name).write_text("{}")
    names = {os.path.basename(file.key) for context in found(case) for file in context.files}
    assert not names & {".credentials.json", "auth.json", "oauth_creds.json", "secrets.json", ".claude.json"}


def test_a_scanner_is_given_only_for_what_can_be_the_transcript(case: Case) -> None:
    for context in found(case):
        keys = [file.key for file in context.files]
        transcript = case.source.transcript(context.name, keys)
        for key in keys:
            alone = case.source.transcript(context.name, [key])  # as if the real one did not exist
            assert (case.source.scanner(context.name, key) is not None) == (key == alone)
        assert transcript is None or case.source.scanner(context.name, transcript) is not None


def test_a_scanner_fed_nothing_has_attributes(case: Case) -> None:
    for context in found(case):
        transcript = case.source.transcript(context.name, [file.key for file in context.files])
        scanner = case.source.scanner(context.name, transcript or "")
        assert scanner is None or isinstance(scanner.finish(), Attributes)


def test_a_source_is_known_by_its_name(case: Case) -> None:
    assert case.source.name in agents.AGENTS
    assert type(get_source(case.source.name)) is type(case.source)


@pytest.mark.parametrize("source", [get_source(name) for name in sorted(agents.AGENTS)], ids=lambda source: source.name)
@given(data=st.binary(max_size=300), cuts=st.lists(st.integers(0, 300)), offset=st.integers(0, 2**40))
def test_any_bytes_come_back_as_messages(source: Source, data: bytes, cuts: list[int], offset: int) -> None:
    check_bytes(source, data, cuts, offset)


def check_bytes(source: Source, data: bytes, cuts: list[int], offset: int) -> None:
    """Asserts that the messages contain all of `data`, however it is cut, at the offsets they report."""
    edges = [0, *sorted(cut for cut in cuts if cut < len(data)), len(data)]
    messages = list(source.messages((data[a:b] for a, b in pairwise(edges)), offset))
    assert b"".join(message.raw for message in messages) == data
    for message in messages:
        assert message.offset == offset and message.raw and message.id
        offset += len(message.raw)
