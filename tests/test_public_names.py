"""The types that the library takes or returns. Programs import them from ``ctxstore`` for annotations."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
import typing
from collections.abc import Callable, Iterator
from importlib import import_module
from pkgutil import iter_modules
from types import FunctionType, ModuleType

import pytest

import ctxstore
import ctxstore.errors
import ctxstore.ops

ENTRANCES = (ctxstore.Repo, ctxstore.View, ctxstore.Draft)
FUNCTIONS = (ctxstore.open, ctxstore.init)


def iter_type_imports(module: ModuleType) -> Iterator[ast.ImportFrom]:
    """Yields the imports that a module makes for a type checker alone."""
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            yield from (each for each in node.body if isinstance(each, ast.ImportFrom))


def names_in(module: ModuleType) -> dict[str, object]:
    """Returns the names that a type checker knows in a module."""
    names = dict(vars(module))
    for node in iter_type_imports(module):
        home = import_module(node.module or "")
        names |= {alias.asname or alias.name: getattr(home, alias.name) for alias in node.names}
    return names


def hints_of(value: type | Callable[..., object]) -> dict[str, object]:
    hints = typing.get_type_hints(value, names_in(sys.modules[value.__module__]))
    return {name: hint for name, hint in hints.items() if not name.startswith("_")}


def iter_signatures(cls: type) -> Iterator[dict[str, object]]:
    """Yields the types of a class's attributes, methods and properties."""
    for base in cls.__mro__:
        if not base.__module__.startswith("ctxstore"):
            continue
        yield hints_of(base)
        for name, value in vars(base).items():
            function = getattr(value, "fget", None) or getattr(value, "func", value)  # of a property, a cached one
            if not name.startswith("_") and isinstance(function, FunctionType):
                yield hints_of(function)


def iter_types(hint: object) -> Iterator[type]:
    """Yields the classes of ctxstore in an annotation, however deep."""
    if isinstance(hint, (list, tuple)):
        for each in hint:
            yield from iter_types(each)
    elif typing.get_origin(hint) is not None:
        yield from iter_types(typing.get_args(hint))
    elif isinstance(hint, type) and hint.__module__.startswith("ctxstore"):
        yield hint


def is_public(cls: type) -> bool:
    return getattr(ctxstore, cls.__name__, None) is cls


@pytest.mark.parametrize("entrance", ENTRANCES, ids=lambda cls: cls.__name__)
def test_the_types_of_an_entrances_signatures_are_public(entrance):
    named = {cls for signature in iter_signatures(entrance) for cls in iter_types(list(signature.values()))}
    assert len(named) > 3
    assert [cls.__name__ for cls in named if not is_public(cls)] == []


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
def test_the_types_of_a_functions_signature_are_public(function):
    assert [cls.__name__ for cls in iter_types(list(hints_of(function).values())) if not is_public(cls)] == []


def iter_pairs(hint: object) -> Iterator[object]:
    """Yields the tuples in an annotation whose parts have positions and no names."""
    arguments = typing.get_args(hint)
    if typing.get_origin(hint) is tuple and arguments[-1:] != (Ellipsis,):
        yield hint
    for each in [*hint] if isinstance(hint, list) else arguments:
        yield from iter_pairs(each)


def test_a_repository_takes_and_returns_named_values_and_no_pairs():
    signatures = list(iter_signatures(ctxstore.Repo))
    assert len(signatures) > 40
    assert [pair for signature in signatures for pair in iter_pairs(list(signature.values()))] == []


@pytest.mark.parametrize("name", ctxstore.__all__)
def test_the_fields_of_a_value_and_the_result_of_a_plan_are_of_public_types(name):
    value = getattr(ctxstore, name)
    hints: list[object] = []
    if hasattr(value, "_fields"):
        hints += hints_of(value).values()
    if hasattr(value, "execute"):
        hints += hints_of(value.execute).values()
    assert [cls.__name__ for cls in iter_types(hints) if not is_public(cls)] == []


@pytest.mark.parametrize("package", [ctxstore, ctxstore.ops], ids=lambda package: package.__name__)
def test_a_name_is_loaded_from_where_a_type_checker_finds_it(package):
    found = {alias.name: node.module for node in iter_type_imports(package) for alias in node.names}
    errors = {name for name in package.__all__ if hasattr(ctxstore.errors, name)}
    assert found.keys() | errors == set(package.__all__)
    assert all(getattr(package, name) is getattr(import_module(home), name) for name, home in found.items())


def test_no_operation_is_called_as_a_room_is():
    rooms = {room.name for room in iter_modules(ctxstore.ops.__path__)}
    assert rooms and not rooms & set(ctxstore.ops.__all__)


def test_the_names_of_the_library_are_listed():
    assert set(ctxstore.__all__) <= set(dir(ctxstore))


def test_opening_a_repository_loads_no_operation(tmp_path):
    program = "import ctxstore, sys; ctxstore.init(sys.argv[1]); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path / "store")], capture_output=True, check=True)
    assert not [name for name in done.stdout.decode().split() if name.startswith("ctxstore.ops.")]


def test_a_name_that_does_not_exist_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        ctxstore.Nothing  # noqa: B018
