"""Damage anywhere in the repository. A search finds every readable message and names the unreadable commits."""

from __future__ import annotations

import shutil

import ctxstore
from ctxstore.errors import Corrupt, NotFound
from tests.ops.search.conftest import said


def tried(call):
    """Returns the result of a call, or None when not even the list of contexts can be read."""
    try:
        return call()
    except (Corrupt, NotFound):
        return None


def test_damage_anywhere_is_named_and_the_rest_found(place, repo, agent, tell):
    lines = [said(number, f"word {number} {'and so on ' * 20}") for number in range(60)]
    for session, until in (("one", 30), ("two", 40), ("one", 60)):
        agent.save(session, *lines[:until])
    for number in range(5):
        tell("chat/alice", f"word {number} of alice")
    everything = {hit.message.raw for hit in repo.search("word", number=0).hits}
    repo.close()
    found_less = named = 0
    packs = sorted(path for path in (place / "packs").rglob("*") if path.is_file())
    for pack in packs:
        sound = pack.read_bytes()
        for at in range(0, len(sound), max(1, len(sound) // 6)):
            pack.write_bytes(sound[:at] + bytes(byte ^ 0x5A for byte in sound[at : at + 32]) + sound[at + 32 :])
            shutil.rmtree(place / "cache", ignore_errors=True)
            (place / "cache").mkdir()
            other = tried(lambda: ctxstore.open(place))
            if other is None:
                continue
            with other:
                found = tried(lambda other=other: other.search("word", number=0))
                secrets = tried(lambda other=other: other.find_secrets(history=True))
            if found is not None:
                raws = {hit.message.raw for hit in found.hits}
                assert raws <= everything
                assert raws == everything or found.problems
                found_less += raws != everything
                named += bool(found.problems)
            assert secrets is None or not secrets.secrets
        pack.write_bytes(sound)
    assert found_less and named
