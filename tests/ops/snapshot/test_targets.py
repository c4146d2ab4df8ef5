"""Targets by name: an agent's data in its usual place or elsewhere, and projects that were saved before."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ctxstore.errors import NotFound
from ctxstore.ops.snapshot.targets import add_known_projects, find_targets
from tests.sources.homes import aider, claude_code, flowloom
from tests.sources.homes.home_files import write


@pytest.fixture
def projects(tmp_path: Path) -> Path:
    aider.make(tmp_path / "engine")
    aider.make(tmp_path / "clock")
    flowloom.make(tmp_path / "mill")
    return tmp_path


def roots(names: list[str], environ: dict[str, str]) -> list[tuple[str, str, str]]:
    return [target.home for target in find_targets(names, environ)]


def test_a_sources_data_is_found_at_the_path_that_is_named(projects: Path) -> None:
    environ = {"HOME": str(projects)}
    claude_code.make(projects / "backup")
    assert roots([f"aider:{projects}/engine"], environ) == [("aider", f"{projects}/engine", "engine")]
    assert roots([f"flowloom:{projects}/mill"], environ) == [("flowloom", f"{projects}/mill", "mill")]
    copy = f"{projects}/backup/.claude"
    assert roots([f"claude-code:{copy}"], environ) == [("claude-code", copy, "backup/.claude")]
    assert roots([f"directory:{projects}/mill"], environ) == [("directory", f"{projects}/mill", "mill")]


def test_a_path_may_be_relative_and_have_colons(projects: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(projects)
    aider.make(projects / "a:b")
    assert roots(["aider:a:b"], {}) == [("aider", f"{projects}/a:b", f"{projects}/a:b"[1:])]
    write(projects, {"nosuch:x": "a file"})
    assert [source for source, *_ in roots(["nosuch:x"], {})] == ["directory"]


@pytest.mark.parametrize(
    "name", ["aider:/no/such", "aider:", "nosuch:/tmp", "directory", "directory:/no/such", ":x", ""]
)
def test_what_is_not_there_is_told(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NotFound):
        find_targets([name], {})


def test_a_project_without_data_of_the_agent_is_told(projects: Path) -> None:
    with pytest.raises(NotFound, match="no data of aider"):
        find_targets([f"aider:{projects}/mill"], {})


def test_the_project_one_is_in_is_found(projects: Path) -> None:
    environ = {"HOME": str(projects), "PWD": str(projects / "engine")}
    assert [target.home.path for target in find_targets([], environ)] == [f"{projects}/engine"]
    assert roots(["aider"], environ) == [("aider", f"{projects}/engine", "engine")]


def test_projects_that_were_saved_are_known_as_long_as_they_are_there(projects: Path, repo) -> None:
    names = [f"aider:{projects}/engine", f"aider:{projects}/clock", f"flowloom:{projects}/mill"]
    assert repo.known_projects() == []
    repo.snapshot(find_targets(names, {}))
    known = repo.known_projects()
    assert [root.path for _, root in known] == [f"{projects}/{name}" for name in ("clock", "engine", "mill")]
    (projects / "clock").rename(projects / "moved")
    assert [root.path for _, root in repo.known_projects()] == [f"{projects}/engine", f"{projects}/mill"]


def test_a_project_whose_name_is_no_text_is_known(projects: Path, tmp_path: Path) -> None:
    import ctxstore

    odd = os.fsdecode(os.fsencode(projects) + b"/caf\xe9")
    os.rename(projects / "engine", odd)
    with ctxstore.init(str(tmp_path / "kept")) as repo:
        repo.snapshot(find_targets([f"aider:{odd}"], {}))
        for _ in range(2):
            assert [root.path for _, root in repo.known_projects()] == [odd]


def test_known_projects_are_added_once(projects: Path, repo) -> None:
    found = find_targets([f"aider:{projects}/engine"], {})
    repo.snapshot([*found, *find_targets([f"flowloom:{projects}/mill"], {})])
    added = add_known_projects(found, repo.known_projects())
    assert [target.home.path for target in added] == [f"{projects}/engine", f"{projects}/mill"]


def test_a_project_saved_again_is_the_same_contexts(projects: Path, repo) -> None:
    repo.snapshot(find_targets([f"aider:{projects}/engine"], {}))
    with open(projects / "engine/.aider.input.history", "a") as file:
        file.write("\n# later\n+more\n")
    report = repo.snapshot(add_known_projects([], repo.known_projects()))
    assert [len(found.changed) for found in report.sources] == [1]
    assert len(list(repo.refs())) == 1


def test_a_note_of_projects_is_believed_only_as_long_as_no_ref_moved(projects: Path, tmp_path: Path) -> None:
    import ctxstore

    with ctxstore.init(str(tmp_path / "kept")) as repo:
        repo.snapshot(find_targets([f"aider:{projects}/engine"], {}))
        assert len(repo.known_projects()) == len(repo.known_projects()) == 1
        repo.snapshot(find_targets([f"aider:{projects}/clock"], {}))
        assert len(repo.known_projects()) == 2
        (note,) = (tmp_path / "kept").rglob("projects")
        note.write_bytes(b"damage")
        assert len(repo.known_projects()) == 2
