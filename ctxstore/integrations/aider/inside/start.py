"""Adds the commands to aider, then runs it as its own script would: ``python start.py SETTINGS SCRIPT [ARGUMENT…]``.

This file is loaded by its path, in a Python that need not have ctxstore: so is the package around it, by a name of its
own. Nothing is put on ``sys.path``, and nothing into the environment of what aider starts.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys

PACKAGE = "ctxstore_in_aider"
NOT_FOUND = 3


def run() -> int:
    """Run aider; its exit code."""
    here = os.path.dirname(os.path.abspath(__file__))
    if sys.path and os.path.abspath(sys.path[0]) == here:  # python -P has not put it there
        del sys.path[0]
    settings, script, *arguments = sys.argv[1:]
    sys.argv[:] = [script, *arguments]
    if importlib.util.find_spec("aider") is None:
        print(f"error: {sys.executable} has no aider", file=sys.stderr)
        print("hint: `pip install aider-chat` for that Python, or name another in CTX_AIDER_PYTHON", file=sys.stderr)
        return NOT_FOUND
    try:
        _load(here).register(settings)
    except Exception as error:  # an aider whose insides are not as they were: it goes on without the commands
        print(f"warning: /context_backup and the others are not there: {error!r}", file=sys.stderr)
    from aider.main import main

    return main() or 0


def _load(folder: str):  # type: ignore[no-untyped-def]
    """The module with the commands."""
    place = os.path.join(folder, "__init__.py")
    spec = importlib.util.spec_from_file_location(PACKAGE, place, submodule_search_locations=[folder])
    assert spec is not None and spec.loader is not None
    sys.modules[PACKAGE] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[PACKAGE])
    return importlib.import_module(f"{PACKAGE}.commands")


if __name__ == "__main__":
    sys.exit(run())
