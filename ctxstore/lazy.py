"""Names of a package that are imported when they are first used (PEP 562).

A hook runs after every turn of an agent. It must not wait for modules that it does not use.
"""

from collections.abc import Callable, Mapping


def lazy_names(package: str, names: Mapping[str, str]) -> Callable[[str], object]:
    """Returns a `__getattr__` for `package`, whose `names` are words by module below it."""
    homes = {name: f"{package}.{module}" for module, words in names.items() for name in words.split()}

    def load(name: str) -> object:
        home = homes.get(name)
        if home is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        import sys
        from importlib import import_module

        value = getattr(import_module(home), name)
        setattr(sys.modules[package], name, value)  # the next use finds it without this function
        return value

    return load
