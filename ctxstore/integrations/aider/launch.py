"""Finds aider and its Python, which is rarely the Python that ctxstore is installed for."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ctxstore.errors import NotFound

START = os.path.join(os.path.dirname(os.path.abspath(__file__)), "inside", "start.py")
OVERRIDE = "CTX_AIDER_PYTHON"
_OVERRIDE_HINT = f"set {OVERRIDE} to the Python that has aider, such as ~/.local/share/uv/tools/aider-chat/bin/python"
_SHIMS = ("pyenv", "asdf", "mise")
"""Version managers that replace commands by shims. Their subcommand ``which`` prints the real script."""


class AiderProgram(NamedTuple):
    """The Python of aider, its options, and aider's script."""

    python: str
    options: tuple[str, ...]
    script: str

    def command(self, repo: str, arguments: Sequence[str], *, creates: bool) -> list[str]:
        """Returns the command line that runs aider with the commands of ctxstore.

        With `creates`, a missing repository is created when it is first needed.
        """
        settings = json.dumps({"python": sys.executable, "repo": repo, "makes": creates})
        return [self.python, *self.options, START, settings, self.script, *arguments]


def find_aider(environ: Mapping[str, str]) -> AiderProgram:
    """Finds aider on this machine. Raises `NotFound`."""
    path = environ.get("PATH", os.defpath)
    # Also search beside ctx, and where pipx and uv install commands, even if these are not on the PATH.
    folders = [path, os.path.dirname(sys.executable), os.path.expanduser("~/.local/bin")]
    script = shutil.which("aider", path=os.pathsep.join(folders))
    if named := environ.get(OVERRIDE):
        python = shutil.which(os.path.expanduser(named), path=path)
        if python is None:
            raise NotFound(f"{OVERRIDE} is {named}, which is not a program", hint=_OVERRIDE_HINT)
        return AiderProgram(os.path.abspath(python), (), script or "aider")
    if script is None:
        raise NotFound("aider is not installed: no `aider` on the PATH", hint="pip install aider-chat")
    return _find_python(os.path.abspath(script), path)


def _find_python(script: str, path: str) -> AiderProgram:
    """Finds the Python of a script from its first lines."""
    head = _head(script)
    found = _interpreter(script, head, path)
    if found is None:
        real = _resolve_shim(script, head, path)
        script, found = real, _interpreter(real, _head(real), path) if real else None
        if found is None:
            raise NotFound(f"{script or 'aider'} does not name its Python", hint=_OVERRIDE_HINT)
    python, options = found
    if not os.access(python, os.X_OK):
        raise NotFound(f"{script} needs {python}, which does not exist", hint="reinstall aider: pip install aider-chat")
    return AiderProgram(python, options, script)


def _head(script: str) -> str:
    try:
        with open(script, "rb") as file:
            return file.read(4096).decode("utf-8", "surrogateescape")
    except OSError as error:
        raise NotFound(f"cannot read {script}: {error.strerror}", hint=_OVERRIDE_HINT) from None


def _interpreter(script: str, head: str, path: str) -> tuple[str, tuple[str, ...]] | None:
    """Returns the Python in the first line (after ``#!`` or ``env``) or in a shell's ``exec``, with its options."""
    lines = head.split("\n")
    if not lines[0].startswith("#!"):
        return None
    program, *rest = lines[0][2:].split(None, 1) or [""]
    if os.path.basename(program) in ("sh", "bash") and len(lines) > 1 and lines[1].startswith("'''exec'"):
        return _exec_line(script, lines[1])
    words = shlex.split(rest[0]) if rest else []
    if os.path.basename(program) == "env":
        words = [word for word in words if word != "-S"]
        program, words = (shutil.which(words[0], path=path) or words[0] if words else ""), words[1:]
    return (program, tuple(words)) if os.path.basename(program).startswith(("python", "pypy")) else None


def _exec_line(script: str, line: str) -> tuple[str, tuple[str, ...]] | None:
    """Parses the line with which pip and uv start a Python whose path is long, relative, or contains spaces."""
    if "$(dirname" in line:
        beside = re.search(r"""\)"/'?([\w./-]+)""", line)
        return (os.path.join(os.path.dirname(os.path.realpath(script)), beside[1]), ()) if beside else None
    words = shlex.split(line)
    return (words[1], tuple(words[2 : words.index("$0")])) if len(words) > 2 and "$0" in words else None


def _resolve_shim(script: str, head: str, path: str) -> str:
    """Returns the script behind a version manager's shim, or an empty string if the script is not a shim."""
    for name in _SHIMS:
        program = shutil.which(name, path=path)
        if program and (name in head or os.path.basename(os.path.realpath(script)) == name):
            done = subprocess.run([program, "which", "aider"], capture_output=True, text=True, timeout=30, check=False)
            real = done.stdout.strip()
            if os.path.isfile(real) and os.path.realpath(real) != os.path.realpath(script):
                return real
    return ""
