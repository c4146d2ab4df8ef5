"""Every command with every wrong argument: it ends with the documented code, says why, and changes nothing."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import ctxstore
from ctxstore.cli.main import COMMANDS
from ctxstore.cli.render.printable import EXACT, clean_line
from ctxstore.ops.retention.policy import Policy
from tests.cli.wrong_arguments import LINES, Case, iter_cases, iter_commands, iter_parameters, wrong_for
from tests.cli.wrong_values import CORRUPT, DONE, NOT_FOUND, OTHER

PAGE = (Path(__file__).parents[2] / "docs" / "cli.md").read_text()
CODES = {words.strip(): int(code) for code, words in re.findall(r"^\| (\d+) \| ([^|]+) \|", PAGE, re.MULTILINE)}
PATIENCE = 2.0
LONGEST = 4096


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a repository that has one of everything, and with unusual files."""
    folder = tmp_path_factory.mktemp("wrong")
    with ctxstore.init(folder / "repo") as repo:
        for name in ("chat/alice", "chat/bob", "one/twin", "two/twin"):
            draft = repo.edit(name)
            draft.messages.append({"role": "user", "content": name})
            draft.files.put("notes.txt", b"one\n")
            draft.commit("first")
            draft.messages.append({"role": "assistant", "content": "yes"})
            draft.commit("second")
        repo.tag("kept", "chat/alice")
        repo.set_policy("nightly", Policy(last=3))
    (folder / "home").mkdir()
    (folder / "notes").mkdir()
    (folder / "notes" / "one.txt").write_text("one")
    (folder / "a-file").write_text("not a repository")
    (folder / "a-folder").mkdir()
    (folder / "a-folder" / "x").write_text("x")
    os.mkfifo(folder / "a-fifo")
    (folder / "locked").mkdir(mode=0o500)
    shutil.copytree(folder / "repo", folder.with_name(f"{folder.name}-kept"))
    return folder


@pytest.fixture
def world(made: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The made folder, as the current folder of the process."""
    for name in ("CTX_DEBUG", "CLAUDE_CONFIG_DIR", "XDG_DATA_HOME", "XDG_CACHE_HOME", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(made / "home"))
    monkeypatch.setenv("CTX_REPO", "repo")
    monkeypatch.chdir(made)
    return made


def state(folder: Path) -> list[tuple[str, int, int]]:
    """Lists the name, size and time of every file, except caches, which a read may fill."""
    found = []
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if (Path(place).name, name) != ("repo", "cache")]
        entries = [(os.path.join(place, name), os.lstat(os.path.join(place, name))) for name in files]
        found += [(path, info.st_size, info.st_mtime_ns) for path, info in entries]
        found += [(os.path.join(place, name), 0, 0) for name in folders]
    return sorted(found)


@pytest.fixture
def unchanged(world: Path) -> Iterator[Any]:
    """The state before a command. Permitted changes of the command are undone."""
    before = state(world)
    yield before
    if state(world) != before:
        for name in ("repo", "new", "out"):
            shutil.rmtree(world / name, ignore_errors=True)
        shutil.copytree(world.with_name(f"{world.name}-kept"), world / "repo")


def forms(text: str) -> set[str]:
    """Returns the forms in which a message may repeat a value.

    It may be quoted as Python does, shortened to its start, or reduced to the wrong part of a revision.
    """
    parts = {text, re.split(r"~|@\{", text)[0], text.rpartition("@{")[2].removesuffix("}")}
    parts |= {part.removeprefix("op:").removeprefix("tag:") for part in parts}
    shown = set()
    for part in (part[:40] for part in parts if part):
        shown |= {clean_line(part), repr(part)[1:-1], part.encode(errors="backslashreplace").decode()}
        shown.add(part.encode(errors=EXACT).decode(errors="replace"))
    return shown


def ends_as_documented(ctx: Any, case: Case) -> set[str]:
    """Runs a line once with text and once with JSON output, and returns how it ended."""
    codes = {CODES[end]: end for end in case.ends}
    started = time.monotonic()
    shown = ctx.run(*case.words)
    assert time.monotonic() - started < PATIENCE
    assert shown.exit_code in codes, (shown.exit_code, shown.stdout[:500], shown.stderr[:500])
    if shown.exit_code == 0:
        return {DONE}
    lines = shown.stderr.splitlines()
    assert len(lines) in (1, 2) and lines[0].startswith("error: "), shown.stderr[:1000]
    assert lines[1:] == [] or lines[1].startswith("hint: ")
    assert len(shown.stderr) < LONGEST and all(clean_line(line) == line for line in lines)
    assert not case.named or any(form in lines[0] for form in forms(case.named)), lines[0]
    told = ctx.run("--json", *case.words)
    assert (told.exit_code, told.stdout) == (shown.exit_code, "")
    error = json.loads(told.stderr)["error"]
    assert set(error) == {"type", "message", "hint", "exit_code"}
    assert (
        error["exit_code"] == shown.exit_code
        and clean_line(error["message"]).encode(errors=EXACT).decode(errors="replace") in lines[0]
    )
    assert all(is_a_command(command) for command in re.findall(r"`ctx ([^`]*)`", error["hint"])), error["hint"]
    return {codes[shown.exit_code]}


def is_a_command(line: str) -> bool:
    """Whether a hint names a command and options that exist."""
    words = line.split()
    commands = dict(iter_commands())
    command = commands.get(" ".join(words[:2])) or commands.get(words[0]) or commands["ctx"]
    known = {name for parameter in (*command.params, *commands["ctx"].params) for name in parameter.opts} | {"--help"}
    return (words[0] in COMMANDS or words[0] == "--help") and known >= {word for word in words if word[:2] == "--"}


@pytest.mark.parametrize("case", [*iter_cases()], ids=lambda case: case.id)
def test_a_wrong_argument_ends_as_documented_and_changes_nothing(
    case: Case, ctx: Any, world: Path, unchanged: Any
) -> None:
    if "locked" in " ".join(case.words) and os.geteuid() == 0:
        pytest.skip("root may write anywhere")
    if ends_as_documented(ctx, case) != {DONE}:
        assert state(world) == unchanged


@pytest.mark.parametrize("parameter", [*iter_parameters()], ids=lambda parameter: parameter.name)
def test_every_parameter_has_wrong_values(parameter: Any) -> None:
    assert parameter.is_shared or wrong_for(parameter) is not None, "say in PARAMETERS what is wrong for it"


def nothing(folder: Path) -> None:
    shutil.rmtree(folder)


def no_repository(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()
    (folder / "x").write_text("x")


def damaged(folder: Path) -> None:
    (folder / "root").write_bytes(b"\xff" * 40)
    (folder / "root.old").unlink(missing_ok=True)


def no_config(folder: Path) -> None:
    (folder / "config").unlink()


def unknown_format(folder: Path) -> None:
    config = json.loads((folder / "config").read_bytes())
    (folder / "config").write_text(json.dumps({**config, "format": 99}))


ELSEWHERE = {"ctx", "op", "init", "demo", "completion", "aider", "uninstall", "hook", "watch"}
"""The commands that need no repository."""

SPOILT = (
    (nothing, NOT_FOUND),
    (no_repository, NOT_FOUND),
    (damaged, CORRUPT),
    (no_config, CORRUPT),
    (unknown_format, OTHER),
)


@pytest.mark.parametrize("command", [name for name in LINES if name not in ELSEWHERE])
@pytest.mark.parametrize(("spoil", "end"), SPOILT)
def test_without_a_good_repository(spoil: Any, end: str, command: str, ctx: Any, world: Path) -> None:
    shutil.rmtree(world / "spoilt", ignore_errors=True)
    place = shutil.copytree(world / "repo", world / "spoilt")
    spoil(place)
    before = state(world)
    mends = command == "repair" and end in (CORRUPT, OTHER)  # the root determines the format
    line = [*LINES[command].split(), "--repo", str(place)]
    ends_as_documented(ctx, Case(line, (end, DONE) if mends else (end,), "" if mends else str(place)))
    assert mends or state(world) == before
