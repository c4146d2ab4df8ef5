"""The pages and the code. Everything documented exists, and every public name is documented."""

from __future__ import annotations

import ast
import doctest
import re
from functools import lru_cache
from pathlib import Path

import pytest

import ctxstore
from ctxstore.cli.main import COMMANDS

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])

GUIDES = ["CONTRIBUTING.md", "docs/architecture.md", "docs/design/house.md"]
"""Pages that name the code's own paths: from the top of the repository, or from the package's folder."""

NAMED_PATH = re.compile(r"`([\w.*-]+(?:/[\w.<>*-]+)*(?:/|/[\w<>*-]+|\.(?:py|md|toml|ini)))`")
IN_REPOSITORY = ("benchmarks/", "ctxstore/", "docs/", "tests/")
NAMED_CLASS = re.compile(r"`([A-Z][a-z]\w*)(?:\.(\w+))?`")
BLOCK = re.compile(r"^```sh\n(.*?)```$", re.DOTALL | re.MULTILINE)
NODE = re.compile(r"\b(tests(?:/[\w.]+)*)(?:::(\w+))?")


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


def anchors(page: Path) -> set[str]:
    """Lists the names that a page's headings have in links."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(path):
    for target, anchor in re.findall(r"\]\(([^)#]*)(?:#([^)]*))?\)", path.read_text()):
        if "://" not in target:
            page = path.parent / target if target else path
            assert page.exists(), target
            assert not anchor or anchor in anchors(page), f"{target}#{anchor}"


def exists(path: str) -> bool:
    pattern = re.sub(r"<\w+>", "*", path).rstrip("/")
    return any(any(top.glob(pattern)) for top in (ROOT, ROOT / "ctxstore"))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_path_that_a_page_names_exists(path):
    named = NAMED_PATH.findall(path.read_text())
    if str(path.relative_to(ROOT)) not in GUIDES:
        named = [name for name in named if name.startswith(IN_REPOSITORY)]
    assert not [name for name in named if not exists(name)]


@lru_cache
def class_members() -> dict[str, set[str]]:
    """Finds the classes of the package and its tests, each with the names it defines or inherits."""
    files = [*(ROOT / "ctxstore").rglob("*.py"), *(ROOT / "tests").rglob("*.py")]
    nodes = [node for file in files for node in ast.parse(file.read_text()).body if isinstance(node, ast.ClassDef)]
    defined = re.compile(r"^    (?:def )?(\w+)[:(]", re.MULTILINE)
    members = {node.name: set(defined.findall(ast.unparse(node))) for node in nodes}
    for node in nodes:
        for base in map(ast.unparse, node.bases):
            members[node.name] |= members.get(base, set())
    return members


@pytest.mark.parametrize("page", GUIDES)
def test_every_class_and_method_that_a_guide_names_exists(page):
    members = class_members() | {"None": set()}
    for name, member in NAMED_CLASS.findall((ROOT / page).read_text()):
        assert name in members, name
        assert not member or member in members[name], f"{name}.{member}"


def test_every_test_that_contributing_runs_exists():
    nodes = NODE.findall("".join(BLOCK.findall((ROOT / "CONTRIBUTING.md").read_text())))
    assert nodes
    for path, function in nodes:
        assert (ROOT / path).exists(), path
        assert not function or f"def {function}(" in (ROOT / path).read_text(), function


def test_the_glossary_is_sorted():
    terms = re.findall(r"^- \*\*(.+?)\*\*", (ROOT / "docs/glossary.md").read_text(), re.MULTILINE)
    assert terms == sorted(terms, key=str.casefold)


def test_the_readmes_example_of_the_library_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    # The example names revisions that its one commit does not have yet.
    exec(example.partition("repo.view(")[0], {})
    with ctxstore.open("agents.ctx") as repo:
        assert repo.view("chat/alice").read("notes.md") == b"# Notes\n"
