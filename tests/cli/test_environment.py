"""Interrupts, closed streams, terminals of any kind, and folders without write permission."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import ctxstore
from ctxstore.cli.render.output import Output
from ctxstore.storage.local import LocalStorage

PROGRAM = [sys.executable, "-c", "from ctxstore.cli.main import main; main()"]
REPOSITORY = Path(".local/share/ctxstore")

LISTINGS = (
    "log",
    "log 5f0c",
    "log --graph",
    "show 5f0c",
    "show 5f0c --files",
    "diff 5f0c",
    "export 5f0c",
    "refs",
    "tag",
    "op log",
    "policy",
    "stats",
    "check",
    "recover",
    "forget --keep-last 1 --dry-run",
    "gc --dry-run",
    "undo --dry-run",
    "completion bash",
    "--help",
)

WRITING = (
    "gc --recompress",
    "forget --keep-tagged",
    "merge 5f0c 5f0c~1 --into work/merged",
    "repair",
    "drop claude-code/*",
    "tag kept 5f0c",
    "undo",
    "policy set nightly --keep-last 3",
)


@pytest.mark.parametrize(
    ("step", "line"),
    [*(("create", line) for line in WRITING if line != "repair"), *(("swap", line) for line in WRITING)],
)
def test_an_interrupt_at_a_write_ends_with_130_and_changes_nothing(
    step: str, line: str, saved: Any, ctx: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    if line == "repair":
        (REPOSITORY / "root").unlink()
    before = [] if line == "repair" else ctx.json("log")["runs"]
    with monkeypatch.context() as patch:
        patch.setattr(LocalStorage, step, interrupt)
        result = ctx.run(*line.split())
    assert (result.exit_code, result.stderr) == (130, "error: interrupted; the repository is undamaged\n")
    ctx(*line.split(), code=0)
    assert ctx.json("check", "--read-data")["ok"] is True
    assert before == [] or ctx.json("log")["runs"][-len(before) :] == before


def interrupt(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("line", LISTINGS)
def test_a_reader_that_goes_away_is_no_error(line: str, saved: Any, ctx: Any) -> None:
    with subprocess.Popen([*PROGRAM, *line.split()], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout and process.stderr
        process.stdout.close()
        said = process.stderr.read()
        assert process.wait(20) == 0 and b"error" not in said and b"Traceback" not in said


@pytest.mark.parametrize("stream", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_error(stream: str, saved: Any) -> None:
    line = f'exec "$0" -c "from ctxstore.cli.main import main; main()" log {stream}'
    done = subprocess.run(["sh", "-c", line, sys.executable], capture_output=True, check=False)
    assert done.returncode == 0 and b"Traceback" not in done.stderr


@pytest.mark.parametrize("width", [1, 10])
@pytest.mark.parametrize("line", LISTINGS)
def test_a_narrow_terminal_is_no_error(
    line: str, width: int, saved: Any, ctx: Any, terminal: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Output, "width", width)
    terminal()
    ctx(*line.split())


@pytest.mark.parametrize("name", ["NO_COLOR", "TERM"])
def test_no_colours_where_they_are_not_wanted(
    name: str, saved: Any, ctx: Any, terminal: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal()
    monkeypatch.setenv("TERM", "xterm")
    assert "\x1b[" in ctx("log").stdout
    monkeypatch.setenv(name, "dumb")
    assert not any("\x1b" in ctx(*line.split()).stdout for line in LISTINGS)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_repository_that_can_only_be_read_is_read(saved: Any, ctx: Any) -> None:
    folders = [REPOSITORY, *(path for path in REPOSITORY.rglob("*") if path.is_dir())]
    for folder in folders:
        folder.chmod(0o500)
    try:
        for line in LISTINGS:
            ctx(*line.split())
        assert ctx.error("tag", "kept", "5f0c", code=6)["type"] == "StorageError"
    finally:
        for folder in folders:
            folder.chmod(0o700)
    with ctxstore.open(REPOSITORY) as repo:
        assert not list(repo.tags())


def test_arguments_that_are_not_utf8_are_named_as_they_are(saved: Any) -> None:
    done = subprocess.run([*PROGRAM, "show", b"caf\xe9"], capture_output=True, check=False)
    assert done.returncode == 3
    assert done.stderr.startswith(b"error: no context or commit is called 'caf\\udce9'\nhint: ")
