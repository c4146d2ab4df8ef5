"""Gemini CLI's list of projects. It receives a project, and no other change."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from ctxstore.errors import Conflict, StorageError
from ctxstore.sources.gemini.projects import LIST, ProjectEntry

ENTRY = ProjectEntry("/srv/clock", "clock")
MEMBER = b'"/srv/clock": "clock"'


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b'{\n  "projects": {}\n}', b'{\n  "projects": {\n    %s\n  }\n}'),
        (b'{\n  "projects": {\n    "/a": "a"\n  }\n}\n', b'{\n  "projects": {\n    "/a": "a",\n    %s\n  }\n}\n'),
        (b'{"projects":{"/a":"a"},"n":1.50}', b'{"projects":{"/a":"a",%s},"n":1.50}'),
        (b'{"n":1.50 }', b'{\n  "projects": {\n    %s\n  },"n":1.50 }'),
        (b"{ }", b'{\n  "projects": {\n    %s\n  } }'),
        (b'{"projects": { "/\xff": "x", "/\\ud800":"y" } }', b'{"projects": { "/\xff": "x", "/\\ud800":"y", %s } }'),
        (b'{"projects":{"/a":"a"},"projects":{ }}', b'{"projects":{"/a":"a"},"projects":{\n    %s }}'),
    ],
    ids=["empty", "as it writes it", "on one line", "no projects", "nothing", "odd bytes", "twice"],
)
def test_what_is_in_the_list_keeps_its_bytes(tmp_path: Path, before: bytes, after: bytes) -> None:
    (tmp_path / LIST).write_bytes(before)
    ENTRY.apply(str(tmp_path))
    assert (tmp_path / LIST).read_bytes() == after.replace(b"%s", MEMBER)
    assert ENTRY.is_there(str(tmp_path))
    ENTRY.apply(str(tmp_path))
    assert (tmp_path / LIST).read_bytes() == after.replace(b"%s", MEMBER)


def test_a_list_that_is_a_link_stays_one_and_keeps_its_mode(tmp_path: Path) -> None:
    kept = tmp_path / "kept.json"
    kept.write_text('{"projects":{}}')
    kept.chmod(0o640)
    (tmp_path / ".gemini").mkdir()
    (tmp_path / ".gemini" / LIST).symlink_to(kept)
    ENTRY.apply(str(tmp_path / ".gemini"))
    assert (tmp_path / ".gemini" / LIST).is_symlink()
    assert json.loads(kept.read_text())["projects"] == {"/srv/clock": "clock"}
    assert kept.stat().st_mode & 0o777 == 0o640
    assert sorted(os.listdir(tmp_path)) == [".gemini", "kept.json"]


def test_a_list_that_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / LIST)
    assert not ENTRY.is_there(str(tmp_path))
    with pytest.raises(StorageError, match="is no file"):
        ENTRY.apply(str(tmp_path))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_list_that_cannot_be_read_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / LIST).write_text('{"projects":{"/a":"a"}}')
    (tmp_path / LIST).chmod(0)
    with pytest.raises(StorageError):
        ENTRY.apply(str(tmp_path))
    (tmp_path / LIST).chmod(0o600)
    assert (tmp_path / LIST).read_text() == '{"projects":{"/a":"a"}}'


def test_a_path_that_cannot_be_written_is_a_conflict(tmp_path: Path) -> None:
    with pytest.raises(Conflict):
        ProjectEntry("/srv/\ud800", "x").apply(str(tmp_path))
