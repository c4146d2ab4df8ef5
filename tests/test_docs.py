"""What is documented is there, and what is there is documented."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

import ctxstore
from ctxstore.cli.main import COMMANDS

ROOT = Path(__file__).parent.parent
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])


def test_the_package_docstring_runs():
    failed, tried = doctest.testmod(ctxstore)
    assert tried > 8
    assert not failed


def test_exported_names_are_sorted_and_there():
    assert ctxstore.__all__ == sorted(ctxstore.__all__)
    assert all(getattr(ctxstore, name).__doc__ or name == "ObjectId" for name in ctxstore.__all__)


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_is_documented(command):
    assert f"ctx {command}" in (ROOT / "docs/cli.md").read_text()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text()):
        if "://" not in target:
            assert (path.parent / target).exists(), target


def test_the_readmes_example_of_the_library_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    # The example names revisions that its one commit does not have yet.
    exec(example.partition("repo.view(")[0], {})
    with ctxstore.open("agents.ctx") as repo:
        assert repo.view("chat/alice").read("notes.md") == b"# Notes\n"
