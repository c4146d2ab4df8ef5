"""Several machines and persons that save into one repository."""

from __future__ import annotations

import pytest

import ctxstore
from ctxstore.history.engine import real_environment
from ctxstore.ops.snapshot.last_saved import machine_of


def on(place, host, user="ada"):
    environment = real_environment()
    return ctxstore.open(place, environment=environment._replace(author=ctxstore.Author(user, host, "test")))


def write_memory(home, text):
    home.add("projects/-home-ada-engine/memory/MEMORY.md", text.encode())
    home.add("CLAUDE.md", text.encode())


@pytest.fixture
def two(home, place):
    """A repository into which the laptop has saved a session, a memory and settings. The files are then gone."""
    ctxstore.init(place).close()
    home.write("one", 3)
    write_memory(home, "of the laptop")
    with on(place, "laptop") as repo:
        repo.snapshot([home.target])
        return {name for name, _ in repo.refs()}


def shared(names):
    return {name for name in names if not name.endswith("/one")}


def test_settings_and_memories_of_a_second_machine_are_contexts_of_their_own(two, home, place):
    write_memory(home, "of the desktop")
    for _ in range(2):
        with on(place, "desktop") as repo:
            report = repo.snapshot([home.target]).sources[0]
            assert not report.changed and not report.vanished
    with on(place, "laptop") as repo:
        heads = dict(repo.refs())
        assert len(shared(heads)) == 2 * len(shared(two)) and two <= heads.keys()
        assert all(len(list(repo.log(name))) == 1 for name in shared(heads))
        for name in shared(two):
            assert heads[name].commit.author.host == "laptop"


def test_each_machine_goes_on_with_its_own(two, home, place):
    for turn in range(3):
        for host in ("desktop", "laptop"):
            write_memory(home, f"{host} {turn}")
            with on(place, host) as repo:
                repo.snapshot([home.target])
    with on(place, "laptop") as repo:
        for name in shared(dict(repo.refs())):
            hosts = {stored.commit.author.host for stored in repo.log(name)}
            assert len(hosts) == 1 and len(list(repo.log(name))) >= 3


def test_a_memory_that_begins_after_the_first_snapshot_is_kept_apart_too(two, home, place):
    with on(place, "desktop") as repo:
        repo.snapshot([home.target])
    home.add("projects/-home-ada-other/memory/MEMORY.md", b"laptop")
    with on(place, "laptop") as repo:
        repo.snapshot([home.target])
    home.add("projects/-home-ada-other/memory/MEMORY.md", b"desktop")
    with on(place, "desktop") as repo:
        repo.snapshot([home.target])
        names = [name for name, _ in repo.refs("-other/")]
        assert len(names) == 2 and all(len(list(repo.log(name))) == 1 for name in names)


def test_sessions_of_another_machine_have_not_vanished(two, home, place):
    home.transcript("one").unlink()
    home.write("two", 2)
    with on(place, "desktop") as repo:
        assert repo.snapshot([home.target]).sources[0].vanished == ()
    with on(place, "laptop") as repo:
        assert [name.rpartition("/")[2] for name in repo.snapshot([home.target]).sources[0].vanished] == ["one"]


def test_a_name_that_changes_with_the_network_is_one_machine(two, home, place):
    write_memory(home, "elsewhere")
    with on(place, "Laptop.fritz.box", "0") as repo:
        repo.snapshot([home.target])
        assert {name for name, _ in repo.refs()} == two
    assert machine_of("MacBook.local") == machine_of("macbook.example.org") == "macbook"
