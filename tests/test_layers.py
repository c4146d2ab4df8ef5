"""Imports go one way: no cycle between modules, none between the rooms of a package."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Set
from graphlib import CycleError, TopologicalSorter
from importlib.util import resolve_name
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

Graph = Mapping[str, Set[str]]


def module_graph(package: Path) -> Graph:
    """Maps each module to the modules it imports, also in functions and for types alone."""
    paths = {module_name(path.relative_to(package.parent)): path for path in package.rglob("*.py")}
    return {name: set(iter_imports(name, path, paths.keys())) - {name} for name, path in paths.items()}


def module_name(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def iter_imports(name: str, path: Path, modules: Set[str]) -> Iterator[str]:
    package = name if path.stem == "__init__" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules)
        elif isinstance(node, ast.ImportFrom):
            module = resolve_name("." * node.level + (node.module or ""), package)
            for alias in node.names:
                full = f"{module}.{alias.name}"
                if full in modules:
                    yield full
                elif module in modules:
                    yield module


def room_graph(graph: Graph, package: str) -> Graph:
    """Maps each child of a package to the children it imports. Imports of the package itself do not count."""
    rooms: dict[str, set[str]] = {}
    for name, imported in graph.items():
        room = room_of(name, package)
        if room:
            rooms.setdefault(room, set()).update({room_of(each, package) for each in imported} - {room, ""})
    return rooms


def room_of(module: str, package: str) -> str:
    """Finds the child of the package that is or contains the module, else returns an empty text."""
    return module.removeprefix(f"{package}.").partition(".")[0] if module.startswith(f"{package}.") else ""


def find_cycle(graph: Graph) -> list[str]:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        cycle: list[str] = error.args[1]
        return cycle
    return []


GRAPH = module_graph(ROOT / "ctxstore")
PACKAGES = sorted({name.rpartition(".")[0] for name in GRAPH} - {""})


def test_no_modules_import_each_other():
    assert len(GRAPH) > 300
    assert find_cycle(GRAPH) == []


@pytest.mark.parametrize("package", PACKAGES)
def test_no_rooms_of_a_package_import_each_other(package):
    assert find_cycle(room_graph(GRAPH, package)) == []


def test_a_cycle_in_a_function_or_for_types_alone_is_found(tmp_path):
    package = tmp_path / "house"
    for room in ("cellar", "attic"):
        (package / room).mkdir(parents=True)
    (package / "__init__.py").write_text("from house.attic import roof\n")
    (package / "cellar" / "stairs.py").write_text("def climb():\n    from house.attic import roof\n")
    (package / "attic" / "roof.py").write_text("if TYPE_CHECKING:\n    from ..cellar.stairs import climb\n")
    graph = module_graph(package)
    assert set(find_cycle(graph)) == {"house.cellar.stairs", "house.attic.roof"}
    assert set(find_cycle(room_graph(graph, "house"))) == {"cellar", "attic"}


FILES = {"root", "root.old", "root.new", "root.lock", "writers.lock", "config", "reserve", "packs", "manifests"}
"""The names of a repository's own files and folders."""


def test_only_the_storage_makes_paths_of_a_repositorys_files():
    found = []
    for path in (ROOT / "ctxstore").rglob("*.py"):
        # A source recognises other repositories in a folder, so as not to save them.
        if "storage" in path.parts or path.name == "walk.py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "join":
                names = {each.value for each in node.args if isinstance(each, ast.Constant)}
                found += [f"{path}:{node.lineno}"] * bool(names & FILES)
    assert found == []
