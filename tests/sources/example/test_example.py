"""A package with a source, as another project would write it. It is installed into a folder and used by ``ctx``."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
PAGE = HERE.parents[2] / "docs" / "sources.md"
PROJECT = tomllib.loads((HERE / "pyproject.toml").read_text())
SHOWN = ("pyproject.toml", "abacus/__init__.py", "abacus/layout.py", "abacus/transcript.py")
TALK = "6f1c2a34-0000-4000-8000-0000000000ab"


def build_wheel(folder: Path) -> Path:
    """Builds the package's wheel as its build backend would. The backend may not be installed here."""
    project = PROJECT["project"]
    info = f"ctxstore_abacus-{project['version']}.dist-info"
    wheel = folder / f"ctxstore_abacus-{project['version']}-py3-none-any.whl"
    points = "".join(
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in entries.items())
        for group, entries in project["entry-points"].items()
    )
    with zipfile.ZipFile(wheel, "w") as archive:
        for package in PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]:
            for path in sorted((HERE / package).glob("*.py")):
                archive.write(path, f"{package}/{path.name}")
        archive.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
        )
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/entry_points.txt", points)
        archive.writestr(f"{info}/RECORD", "".join(f"{name},,\n" for name in archive.namelist()))
    return wheel


def unpack(wheel: Path, target: Path) -> None:
    """Installs a pure wheel by unpacking it."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)


def pip_install(wheel: Path, target: Path) -> None:
    if importlib.util.find_spec("pip") is None:
        pytest.skip("there is no pip here")
    command = [sys.executable, "-m", "pip", "install", "--no-index", "--no-deps", "--quiet"]
    subprocess.run([*command, "--disable-pip-version-check", "--target", target, wheel], check=True)


@pytest.fixture(params=[unpack, pip_install])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder on the path in which the package is installed."""
    target = tmp_path / "site"
    request.param(build_wheel(tmp_path), target)
    return target


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with one talk of Abacus."""
    talks = tmp_path / "home" / ".abacus" / "talks"
    talks.mkdir(parents=True)
    said = [("me", "Count the beads"), ("abacus", "Seven."), ("me", "And the wires?")]
    lines = [
        {"talk": TALK, "n": n, "who": who, "text": text, "folder": "/home/ada"} for n, (who, text) in enumerate(said, 1)
    ]
    (talks / f"{TALK}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return tmp_path / "home"


def ctx(home: Path, site: Path, *args: str) -> str:
    program = "from ctxstore.cli.main import main; main()"
    environ = {"HOME": str(home), "PATH": os.environ["PATH"], "PYTHONPATH": str(site)}
    done = subprocess.run(
        [sys.executable, "-c", program, *args], env=environ, cwd=home, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_its_talks_are_found_saved_and_read(site: Path, home: Path) -> None:
    found: dict[str, Any] = json.loads(ctx(home, site, "sources", "--json"))
    (root,) = found["sources"]
    assert (root["agent"], root["sessions"], root["expiry"]["kept_days"]) == ("Abacus", 1, 90)
    assert "Abacus  " in ctx(home, site, "snapshot")
    shown = ctx(home, site, "show", TALK)
    assert "Count the beads" in shown and "Seven." in shown
    (listed,) = json.loads(ctx(home, site, "refs", "--json"))["refs"]
    commit = listed["commit"]
    assert (listed["name"], commit["title"], commit["messages"]) == (f"abacus/talks/{TALK}", "Count the beads", 3)


def test_it_goes_on_from_an_earlier_message_as_a_new_talk(site: Path, home: Path) -> None:
    ctx(home, site, "snapshot")
    ctx(home, site, "checkout", TALK, "--at-message", "2", "--map-path", "/home/ada=/home/bob", "--yes")
    (new,) = set((home / ".abacus" / "talks").iterdir()) - {home / ".abacus" / "talks" / f"{TALK}.jsonl"}
    lines = [json.loads(line) for line in new.read_text().splitlines()]
    assert [line["n"] for line in lines] == [1, 2]
    assert {(line["talk"], line["folder"]) for line in lines} == {(new.stem, "/home/bob")}


def test_without_the_package_nobody_knows_the_agent(home: Path, tmp_path: Path) -> None:
    assert json.loads(ctx(home, tmp_path, "sources", "--json"))["sources"] == []


@pytest.mark.parametrize("name", SHOWN)
def test_the_documentation_shows_it_as_it_is(name: str) -> None:
    section = PAGE.read_text().partition("## Adding a source")[2]
    blocks = re.findall(rf"`{re.escape(name)}`[^\n]*\n\n```\w+\n(.*?)```", section, re.DOTALL)
    assert blocks == [(HERE / name).read_text()]
