"""The context of a project: its histories, without the project's own files, settings and caches."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ctxstore.errors import NotFound
from ctxstore.sources.aider import Aider
from ctxstore.sources.homes import home_at
from tests.sources.homes import aider


@pytest.fixture
def project(tmp_path: Path) -> Path:
    aider.make(tmp_path / "ada" / "engine")
    return tmp_path / "ada" / "engine"


def discovered(folder: Path, home: Path) -> list[str]:
    return [root.path for root in Aider().discover({"PWD": str(folder), "HOME": str(home)})]


def test_histories_and_saved_chats_are_the_projects_context(project: Path) -> None:
    (root,) = Aider().discover({"PWD": str(project), "HOME": str(project.parent)})
    (context,) = Aider().contexts(root, lambda _: None)
    assert {file.key: file.state for file in context.files} == {
        ".aider.chat.history.md": True,
        ".aider.input.history": True,
        ".aider.llm.history": False,
        ".aider/sessions/one.json": True,
        ".extn_aider/temp/context_backup/a_2026-01-01_10_00_00.json": True,
        ".extn_aider/temp/context_create/b.json": True,
    }
    assert root.label == "engine"


def test_projects_have_names_of_their_own(tmp_path: Path) -> None:
    names = set()
    for place in ("a/b", "a-b", "a.b", "a/b/c"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / ".aider.input.history").write_text("x")
        (context,) = Aider().contexts(home_at(Aider(), str(tmp_path / place), {}), lambda _: None)
        names.add(context.name)
    assert len(names) == 4 and all(len(name.split("/")) == 3 for name in names)


def test_the_project_is_looked_for_upwards_but_not_above_the_home(project: Path) -> None:
    below = project / "src" / "deep"
    below.mkdir(parents=True)
    assert discovered(below, project.parent) == [str(project)]
    assert discovered(below, below) == []
    assert discovered(project.parent, project.parent) == []
    assert Aider().discover({"PWD": "src", "HOME": str(project)}) == []


def test_another_project_is_named_by_its_path(project: Path) -> None:
    assert home_at(Aider(), str(project), {"HOME": str(project.parent)}).path == str(project)
    with pytest.raises(NotFound, match="no data of aider"):
        home_at(Aider(), str(project.parent), {})
    with pytest.raises(NotFound, match="no such file or folder"):
        home_at(Aider(), str(project / "nowhere"), {})


def test_a_history_that_is_a_link_is_kept_as_one_and_a_linked_folder_is_not_followed(project: Path) -> None:
    os.rename(project / ".aider.chat.history.md", project / "elsewhere.md")
    (project / ".aider.chat.history.md").symlink_to("elsewhere.md")
    os.rename(project / ".aider/sessions", project / "kept")
    (project / ".aider/sessions").symlink_to(project / "kept")
    (context,) = Aider().contexts(home_at(Aider(), str(project), {}), lambda _: None)
    keys = [file.key for file in context.files]
    assert ".aider.chat.history.md" in keys
    assert [key for key in keys if key.startswith(".aider/")] == [".aider/sessions"]
