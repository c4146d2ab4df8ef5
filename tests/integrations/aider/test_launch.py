"""The search for aider and its Python, from the scripts that installers write."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ctxstore.errors import NotFound
from ctxstore.integrations.aider.launch import OVERRIDE, START, find_aider

PYTHON = sys.executable
BODY = "import sys\nsys.exit(__import__('aider.main').main())\n"


def script(folder: Path, head: str, name: str = "aider") -> Path:
    """Writes a program into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"{head}\n{BODY}")
    path.chmod(0o755)
    return path


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """A Python at a path with a space."""
    path = tmp_path / "a tool" / "bin" / "python3"
    path.parent.mkdir(parents=True)
    path.symlink_to(PYTHON)
    return path


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home without the machine's own aider."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("sys.executable", str(tmp_path / "ctx" / "bin" / "python"))


def found(folder: Path, *more: Path) -> Any:
    return find_aider({"PATH": os.pathsep.join(map(str, (folder, *more, "/usr/bin", "/bin")))})


def test_the_python_of_a_script_is_found(tmp_path: Path) -> None:
    real = Path(sys.base_prefix) / "bin" / "python3"
    path = script(tmp_path / "bin", f"#!{real}")
    assert found(tmp_path / "bin") == (str(real), (), str(path))
    script(tmp_path / "bin", f"#!{real} -sE")
    assert found(tmp_path / "bin").options == ("-sE",)


def test_the_python_of_a_shells_exec_is_found(tmp_path: Path, python: Path) -> None:
    path = script(tmp_path / "bin", f"""#!/bin/sh\n'''exec' "{python}" -s "$0" "$@"\n' '''""")
    assert found(tmp_path / "bin") == (str(python), ("-s",), str(path))


def test_a_python_beside_the_script_is_found_through_a_link(tmp_path: Path, python: Path) -> None:
    head = """#!/bin/sh\n'''exec' "$(dirname -- "$(realpath -- "$0")")"/'python3' "$0" "$@"\n' '''"""
    real = script(python.parent, head)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "aider").symlink_to(real)
    assert found(tmp_path / "bin").python == str(python)


@pytest.mark.parametrize("head", ["#!/usr/bin/env python3", "#!/usr/bin/env -S python3 -I"])
def test_env_finds_python_on_the_path(head: str, tmp_path: Path, python: Path) -> None:
    script(tmp_path / "bin", head)
    aider = found(tmp_path / "bin", python.parent)
    assert aider.python == str(python) and aider.options == (("-I",) if "-I" in head else ())


def test_a_shim_is_followed(tmp_path: Path, python: Path) -> None:
    real = script(tmp_path / "versions" / "bin", f"#!{sys.base_prefix}/bin/python3")
    script(tmp_path / "shims", '#!/usr/bin/env bash\nexec pyenv exec "aider" "$@"')
    script(tmp_path / "shims", f'#!/bin/sh\n[ "$1 $2" = "which aider" ] && echo "{real}"\nexit 0', name="pyenv")
    assert found(tmp_path / "shims").script == str(real)


def test_beside_ctx_and_where_pipx_puts_commands_is_looked_too(tmp_path: Path) -> None:
    path = script(tmp_path / ".local" / "bin", f"#!{sys.base_prefix}/bin/python3")
    assert found(tmp_path / "nowhere").script == str(path)
    path = script(tmp_path / "ctx" / "bin", f"#!{sys.base_prefix}/bin/python3")
    assert found(tmp_path / "nowhere").script == str(path)


def test_without_aider_it_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="aider is not installed") as error:
        found(tmp_path / "nowhere")
    assert error.value.hint == "pip install aider-chat"


def test_what_does_not_say_its_python_is_named_by_a_variable(tmp_path: Path, python: Path) -> None:
    script(tmp_path / "bin", "\x7fELF")
    with pytest.raises(NotFound, match="does not name its Python") as error:
        found(tmp_path / "bin")
    assert OVERRIDE in error.value.hint
    environ = {"PATH": str(tmp_path / "bin"), OVERRIDE: str(python)}
    assert find_aider(environ) == (str(python), (), str(tmp_path / "bin" / "aider"))
    with pytest.raises(NotFound, match="not a program"):
        find_aider(environ | {OVERRIDE: str(tmp_path / "nowhere")})


def test_a_python_that_is_gone_is_named(tmp_path: Path) -> None:
    script(tmp_path / "bin", f"#!{tmp_path}/gone/bin/python3")
    with pytest.raises(NotFound, match="gone/bin/python3"):
        found(tmp_path / "bin")


def test_a_python_without_aider_is_told(tmp_path: Path) -> None:
    real = Path(sys.base_prefix) / "bin" / "python3"
    settings = json.dumps({"python": str(real), "repo": str(tmp_path), "makes": False})
    done = subprocess.run([str(real), "-I", START, settings, "aider"], capture_output=True, text=True, check=False)
    assert (
        done.returncode == 3 and "aider is not installed for" in done.stderr and "pip install aider-chat" in done.stderr
    )


def test_an_aider_whose_insides_changed_runs_without_the_commands(tmp_path: Path) -> None:
    (tmp_path / "aider").mkdir()
    (tmp_path / "aider" / "__init__.py").touch()
    (tmp_path / "aider" / "main.py").write_text(
        "import os, sys\ndef main():\n    print(sys.argv, os.path.dirname(sys.path[0]))\n    return 5\n"
    )
    settings = json.dumps({"python": PYTHON, "repo": str(tmp_path), "makes": False})
    command = [PYTHON, START, settings, "/x/bin/aider", "--model", "y"]
    environ = {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environ)
    assert done.returncode == 5 and "'aider.commands'" in done.stderr and done.stderr.startswith("warning: ")
    assert done.stdout.strip() == f"['/x/bin/aider', '--model', 'y'] {tmp_path.parent}"
