"""Adds the commands to aider, and runs it as its own script does: ``python start.py SETTINGS SCRIPT [ARGUMENT…]``.

This file runs by its path, in a Python that may not have ctxstore. It loads the package around it by path, too, under
a different name. So ``sys.path`` and the environment of programs that aider starts are unchanged.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys

PACKAGE = "ctxstore_in_aider"
NOT_FOUND = 3


def run_aider() -> int:
    """Runs aider, and returns its exit code."""
    here = os.path.dirname(os.path.abspath(__file__))
    if sys.path and os.path.abspath(sys.path[0]) == here:  # absent with python -P
        del sys.path[0]
    settings, script, *arguments = sys.argv[1:]
    sys.argv[:] = [script, *arguments]
    if importlib.util.find_spec("aider") is None:
        print(f"error: aider is not installed for {sys.executable}", file=sys.stderr)
        print("hint: `pip install aider-chat` for that Python, or set CTX_AIDER_PYTHON to another", file=sys.stderr)
        return NOT_FOUND
    try:
        load_commands(here).register(settings)
    except Exception as error:  # aider with different internals: run it without the commands
        print(f"warning: /context_backup and the other commands are not available: {error!r}", file=sys.stderr)
    from aider.main import main

    return main() or 0


def load_commands(folder: str):  # type: ignore[no-untyped-def]
    """Loads the package in `folder`, and returns its module with the commands."""
    path = os.path.join(folder, "__init__.py")
    spec = importlib.util.spec_from_file_location(PACKAGE, path, submodule_search_locations=[folder])
    assert spec is not None and spec.loader is not None
    sys.modules[PACKAGE] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[PACKAGE])
    return importlib.import_module(f"{PACKAGE}.commands")


if __name__ == "__main__":
    sys.exit(run_aider())
