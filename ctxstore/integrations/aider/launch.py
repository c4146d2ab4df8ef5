"""Finds aider, and the Python it runs in, which is seldom the one ctxstore is installed for."""

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
_NAME_IT = f"set {OVERRIDE} to the Python that has aider, such as ~/.local/share/uv/tools/aider-chat/bin/python"
_SHIMS = ("pyenv", "asdf", "mise")
"""Programs that put a script of their own in the place of others, and tell which by ``which``."""


class AiderProgram(NamedTuple):
    """The Python, its options, and the script that is aider's command."""

    python: str
    options: tuple[str, ...]
    script: str

    def command(self, repo: str, arguments: Sequence[str], *, makes: bool) -> list[str]:
        """The command line that runs it with our commands. `makes`: the repository is the user's own."""
        settings = json.dumps({"python": sys.executable, "repo": repo, "makes": makes})
        return [self.python, *self.options, START, settings, self.script, *arguments]


def find_aider(environ: Mapping[str, str]) -> AiderProgram:
    """aider on this machine. Raises `NotFound`."""
    path = environ.get("PATH", os.defpath)
    # Beside ctx, and where pipx and uv put commands, even if that is not on the path.
    places = [path, os.path.dirname(sys.executable), os.path.expanduser("~/.local/bin")]
    script = shutil.which("aider", path=os.pathsep.join(places))
    if named := environ.get(OVERRIDE):
        python = shutil.which(os.path.expanduser(named), path=path)
        if python is None:
            raise NotFound(f"{OVERRIDE} is {named}, and there is no such program", hint=_NAME_IT)
        return AiderProgram(os.path.abspath(python), (), script or "aider")
    if script is None:
        raise NotFound("aider is not installed here: there is no `aider` on the path", hint="pip install aider-chat")
    return _follow(os.path.abspath(script), path)


def _follow(script: str, path: str) -> AiderProgram:
    """The Python of a script, by its first lines."""
    head = _head(script)
    found = _interpreter(script, head, path)
    if found is None:
        real = _behind_shim(script, head, path)
        script, found = real, _interpreter(real, _head(real), path) if real else None
        if found is None:
            raise NotFound(f"{script or 'aider'} does not say which Python runs it", hint=_NAME_IT)
    python, options = found
    if not os.access(python, os.X_OK):
        raise NotFound(
            f"{script} is run by {python}, which is not there", hint="install aider anew: pip install aider-chat"
        )
    return AiderProgram(python, options, script)


def _head(script: str) -> str:
    try:
        with open(script, "rb") as file:
            return file.read(4096).decode("utf-8", "surrogateescape")
    except OSError as error:
        raise NotFound(f"{script} can't be read: {error.strerror}", hint=_NAME_IT) from None


def _interpreter(script: str, head: str, path: str) -> tuple[str, tuple[str, ...]] | None:
    """What is after ``#!``; with ``env``, found as that finds it; of a shell's ``exec``, what that runs."""
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
    """pip and uv let a shell start Python where its path is long, has spaces, or is relative to the script's."""
    if "$(dirname" in line:
        beside = re.search(r"""\)"/'?([\w./-]+)""", line)
        return (os.path.join(os.path.dirname(os.path.realpath(script)), beside[1]), ()) if beside else None
    words = shlex.split(line)
    return (words[1], tuple(words[2 : words.index("$0")])) if len(words) > 2 and "$0" in words else None


def _behind_shim(script: str, head: str, path: str) -> str:
    """The script that a version manager's shim stands for; empty if it is none."""
    for name in _SHIMS:
        program = shutil.which(name, path=path)
        if program and (name in head or os.path.basename(os.path.realpath(script)) == name):
            done = subprocess.run([program, "which", "aider"], capture_output=True, text=True, timeout=30, check=False)
            real = done.stdout.strip()
            if os.path.isfile(real) and os.path.realpath(real) != os.path.realpath(script):
                return real
    return ""
