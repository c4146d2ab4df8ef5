"""Names of a package that are imported when they are first used (PEP 562).

A hook runs after every turn of an agent. It must not wait for modules that it does not use.
"""

from collections.abc import Mapping

from ctxstore.forks import GUARD


def load_name(package: str, names: Mapping[str, str], name: str) -> object:
    """Imports `name` for the `__getattr__` of a package. `names` are words by module below the package.

    Raises `AttributeError` if no module has the name.
    """
    home = next((module for module, words in names.items() if name in words.split()), None)
    if home is None:
        raise AttributeError(f"module {package!r} has no attribute {name!r}")
    import sys
    from importlib import import_module

    with GUARD:  # a fork during an import would leave the module locked in the child
        value = getattr(import_module(f"{package}.{home}"), name)
    setattr(sys.modules[package], name, value)  # the next use does not come here
    return value
