"""The verification of one commit. It reads every byte again, and separates damage from what the agent itself wrote."""

from __future__ import annotations

import pytest

from ctxstore.errors import Corrupt, CtxstoreError


def test_all_files_are_read_and_json_is_counted(home, snap, repo, line):
    path = home.write("one", 6)
    home.append("one", b'{"half a li')
    home.add(f"projects/{home.project}/one/subagents/agent-a.jsonl", line(0))
    home.add(f"projects/{home.project}/one/tool-results/a.txt", b"not JSON")
    snap(home)
    verified = repo.verify(home.ref("one"))
    assert dict(verified.files)[f"projects/{home.project}/one.jsonl"] == path.stat().st_size
    assert len(verified.files) == 3
    assert verified.bytes == sum(size for _, size in verified.files)
    assert (verified.values, verified.invalid) == (7, ())


@pytest.mark.parametrize("text", [b'{"a": 1}\nhalf\n{}\n', b"\xff\n"])
def test_a_line_that_is_not_json_is_named(home, snap, repo, text):
    home.write("one")
    home.append("one", text)
    snap(home)
    assert repo.verify(home.ref("one")).invalid == (f"projects/{home.project}/one.jsonl",)


def test_damage_is_an_error(home, snap, repo, place):
    home.write("one", 300)
    snap(home)
    pack = max((place / "packs").iterdir(), key=lambda path: path.stat().st_size)
    data = bytearray(pack.read_bytes())
    data[40] ^= 1
    pack.chmod(0o600)
    pack.write_bytes(data)
    with pytest.raises(CtxstoreError) as found:
        repo.verify(home.ref("one"))
    assert isinstance(found.value, Corrupt)
