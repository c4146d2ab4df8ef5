"""The setup of Claude Code: a marketplace in a folder, declared and enabled in the user's settings.

`claude plugin marketplace add DIR` and `claude plugin install` write the same settings. The next start of Claude Code
completes the installation.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping

from ctxstore.integrations.install import Copy, HookProgram, Setup
from ctxstore.integrations.settings.edits import Members
from ctxstore.integrations.settings.json_edit import ObjectMember
from ctxstore.integrations.state_folders import state_folder

NAME = "ctxstore"
PLUGINS = ("session", "ctx")
MARKETPLACE = os.path.join(os.path.dirname(__file__), "marketplace")
"""The marketplace of the package. Its hooks run the `ctx` on the PATH."""


def setup(program: HookProgram, environ: Mapping[str, str]) -> Setup:
    """Returns the setup that makes Claude Code call `program`."""
    home = environ.get("CLAUDE_CONFIG_DIR") or os.path.join(environ.get("HOME", ""), ".claude")
    folder = os.path.join(state_folder(environ), "claude-code")
    names = [f"{plugin}@{NAME}" for plugin in PLUGINS]
    source = {"source": {"source": "directory", "path": folder}}
    settings = [ObjectMember(("enabledPlugins", name), True) for name in names]
    plugins = os.path.join(home, "plugins")
    edits = [
        Members(
            os.path.join(home, "settings.json"), [*settings, ObjectMember(("extraKnownMarketplaces", NAME), source)]
        ),
        Members(os.path.join(plugins, "known_marketplaces.json"), (), [(NAME,)], None),
        Members(os.path.join(plugins, "installed_plugins.json"), (), [("plugins", name) for name in names], None),
    ]
    data = [os.path.join(plugins, "data", f"{plugin}-{NAME}") for plugin in PLUGINS]
    notes = ["Claude Code loads plugins at its start: restart running sessions to save them automatically."]
    return Setup("claude-code", edits, list(_copies(folder, program)), folder, notes, data)


def _copies(folder: str, program: HookProgram) -> Iterator[Copy]:
    for source, folders, files in os.walk(MARKETPLACE):
        folders.sort()
        for name in sorted(files):
            with open(os.path.join(source, name), "rb") as file:
                data = file.read()
            if name == "ctx-hook":
                data = _with_program(data, program)
            yield Copy(os.path.normpath(os.path.join(folder, os.path.relpath(source, MARKETPLACE), name)), data)


def _with_program(script: bytes, program: HookProgram) -> bytes:
    ctx, repo = (shlex.quote(word).encode() for word in (program.ctx, program.repo or ""))
    return script.replace(b"\nctx=ctx\n", b"\nctx=" + ctx + b"\n").replace(b"\nrepo=\n", b"\nrepo=" + repo + b"\n")
