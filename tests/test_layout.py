"""Limits of files, functions and names."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "ctxstore"
FILES = sorted(PACKAGE.rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))

FILE_LINES = 300
FUNCTION_LINES = 50
VAGUE = {"utils", "helpers", "common", "misc", "manager"}

HOUSEHOLD = {
    *("give", "gives", "giving", "given", "gave"),
    *("hold", "holds", "holding", "held"),
    *("lay", "lays", "laying", "laid"),
    *("look", "looks", "looking", "looked"),
    *("put", "puts", "putting"),
    *("stand", "stands", "standing", "stood"),
    *("take", "takes", "taking", "taken", "took"),
    *("tell", "tells", "telling", "told"),
}
"""Verbs that name no part of the field, with their forms."""

NOUNS_IN_ING = {
    "encoding": "the bytes of a value, as in `json` and `codecs`",
    "finding": "the discovery of a repository from a folder",
    "listing": "the sessions that a database lists",
    "masking": "the field's word for hiding a secret in a text",
    "matching": "the pairs of entries that belong together, as in graph theory",
}
"""Modules in -ing that are named by a noun, and what the noun is."""


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def words_of(path: Path) -> list[str]:
    """Splits a module's name into words. A package is named by its folder."""
    return (path.parent.name if path.stem == "__init__" else path.stem).strip("_").split("_")


def is_helper(path: Path) -> bool:
    return not path.stem.startswith("test_")


@pytest.mark.parametrize("path", [*FILES, *filter(is_helper, TESTS)], ids=name_of)
def test_a_file_is_short(path):
    assert path.read_text().count("\n") <= FILE_LINES


@pytest.mark.parametrize("path", [*FILES, *TESTS], ids=name_of)
def test_functions_are_short(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            assert (node.end_lineno or 0) - node.lineno <= FUNCTION_LINES, node.name


def test_no_module_has_a_vague_name():
    assert not [path for path in [*FILES, *TESTS] if path.stem in VAGUE]


def test_no_module_is_named_by_a_household_verb():
    assert not [path for path in FILES if HOUSEHOLD.intersection(words_of(path))]


def test_no_module_is_named_by_a_participle():
    found = {words_of(path)[-1] for path in FILES if words_of(path)[-1].endswith("ing")}
    assert found == NOUNS_IN_ING.keys()


def test_no_two_public_classes_share_a_name():
    homes = defaultdict(list)
    for path in FILES:
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes[node.name].append(name_of(path))
    assert not {name: paths for name, paths in homes.items() if len(paths) > 1}


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_modules_and_public_definitions_say_what_they_are_for(path):
    tree = ast.parse(path.read_text())
    if path.stat().st_size:
        assert ast.get_docstring(tree)
    for node in tree.body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and not node.name.startswith("_"):
            assert ast.get_docstring(node), node.name
