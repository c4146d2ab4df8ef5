"""The frame of all commands: help, exit codes, errors as text and JSON, interrupts, closed pipes."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest

from ctxstore.cli.complete import complete_refs
from ctxstore.cli.invocation import Invocation
from ctxstore.cli.main import COMMANDS
from ctxstore.errors import Conflict, Corrupt, InvalidInput, NotFound, SourceError, StorageError

HEAVY = {"msgspec", "zstandard", "cbor2", "blake3", "pyfastcdc", "rich", "sqlite3", "sortedcontainers", "platformdirs"}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_of_the_table_exists_and_explains_itself(name: str, ctx: Any) -> None:
    command = importlib.import_module(f"ctxstore.cli.commands.{name}").command
    assert command.help
    shown = ctx(name, "--help").stdout
    assert "--json" in shown and "--repo" in shown and "--quiet" in shown


def test_help_lists_every_command(ctx: Any) -> None:
    shown = ctx("--help").stdout
    assert all(name in shown and help in shown for name, help in COMMANDS.items())
    assert ctx().stdout == shown


@pytest.mark.parametrize("arguments", [["--help"], ["log", "--help"], ["snapshot", "--help"], ["--version"]])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    program = (
        "import sys\nfrom ctxstore.cli.main import cli, run_command_line\n"
        f"code = run_command_line(cli, {arguments!r})\nprint(sorted(sys.modules), file=sys.stderr)\nsys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert HEAVY.isdisjoint(eval(done.stderr))


def test_version(ctx: Any) -> None:
    assert ctx("--version").stdout.startswith("ctx 0.")


@pytest.mark.parametrize("arguments", [["nonsense"], ["log", "--nonsense"], ["show"], ["log", "-n", "x"]])
def test_wrong_usage_is_2_and_points_to_the_help(arguments: list[str], ctx: Any) -> None:
    result = ctx(*arguments, code=2)
    assert result.stdout == ""
    assert result.stderr.startswith("error: ") and "--help" in result.stderr
    assert ctx.error(*arguments, code=2)["type"] == "UsageError"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InvalidInput("no", hint="do"), 2),
        (NotFound("no", hint="do"), 3),
        (Conflict("no", hint="do"), 4),
        (Corrupt("no", hint="do"), 5),
        (StorageError("no", hint="do"), 6),
        (SourceError("no", hint="do"), 7),
        (OSError(28, "No space left on device"), 6),
        (ZeroDivisionError("oh"), 70),
        (KeyboardInterrupt(), 130),
    ],
)
def test_errors_become_codes_messages_and_hints(
    error: BaseException, code: int, ctx: Any, home: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr("ctxstore.cli.invocation.Invocation.location", fail)
    shown = ctx("stats", code=code).stderr
    told = ctx.error("stats", code=code)
    assert told["exit_code"] == code
    assert shown.startswith(f"error: {told['message']}\n")
    assert not told["hint"] or f"hint: {told['hint']}\n" in shown
    assert "Traceback" not in shown


def test_a_bug_shows_its_traceback_on_request(ctx: Any, home: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctxstore.cli.invocation.Invocation.location", lambda self: 1 / 0)
    monkeypatch.setenv("CTX_DEBUG", "1")
    assert "Traceback" in ctx("stats", code=70).stderr


def test_json_may_stand_before_the_command(saved: Any, ctx: Any) -> None:
    assert json.loads(ctx("--json", "stats").stdout)["contexts"] == 3


def test_errors_are_cleaned_of_control_characters(saved: Any, ctx: Any) -> None:
    assert "\x1b" not in ctx("show", "a\x1b[2Jb", code=3).stderr


def test_a_closed_pipe_is_no_error(saved: Any) -> None:
    program = "from ctxstore.cli.main import main; main()"
    with subprocess.Popen(
        [sys.executable, "-c", program, "export", "5f0c"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout and process.stderr
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(20) == 0


@pytest.mark.usefixtures("deliver_interrupts")
def test_ctrl_c_leaves_with_130_and_a_good_repository(saved: Any, ctx: Any) -> None:
    """The snapshot reads an endless file and is interrupted while it reads."""
    program = (
        "import os, signal, threading\n"
        "from ctxstore.cli.main import main\n"
        "from ctxstore.ops.snapshot import capture\n"
        "def capture_forever(*args, **options):\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    threading.Event().wait(20)\n"
        "capture.Capture.capture = capture_forever\n"
        "main()"
    )
    saved.overwrite_transcript()
    done = subprocess.run([sys.executable, "-c", program, "snapshot"], capture_output=True, text=True, check=False)
    assert done.returncode == 130
    assert done.stderr == "error: interrupted; the repository is undamaged\n"
    assert ctx.json("check", "--read-data")["ok"] is True
    assert ctx.json("snapshot")["commits"]


def test_names_that_are_not_utf8_are_printed_exactly_into_a_pipe(home: Any, ctx: Any) -> None:
    name = b"caf\xe9.txt"
    os.mkdir("notes")
    with open(os.path.join(b"notes", name), "w") as file:
        file.write("x")
    ctx("snapshot", "notes")
    assert name in ctx("show", "notes").stdout_bytes
    assert ctx.json("show", "notes")["files"][0]["path"] == os.fsdecode(name)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(shell: str, ctx: Any) -> None:
    assert "_CTX_COMPLETE" in ctx("completion", shell).stdout


@pytest.mark.parametrize("name", ["a$(b)", "a`b`", "a;b", "a'b", "a|b", "a&b", "é$x", "a>b", "-x"])
def test_completion_offers_no_name_that_a_shell_would_interpret(
    name: str, ctx: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ctx("init")
    invocation = Invocation()
    with invocation.open() as repo:
        for each in (name, "plain/é-1.x"):
            draft = repo.edit(each)
            draft.memories["k"] = 1
            draft.commit()
    context = click.Context(click.Command("x"), obj=invocation)
    assert complete_refs(context, click.Argument(["rev"]), "") == ["plain/é-1.x"]


def test_commands_work_in_a_folder_that_was_removed(saved: Any, ctx: Any, tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    script = f'cd "{tmp_path}/gone" && rmdir ../gone && exec "$0" -c "from ctxstore.cli.main import main; main()" "$@"'
    for words in (["snapshot"], ["log"], ["refs"], ["sources"]):
        done = subprocess.run(["sh", "-c", script, sys.executable, *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        (tmp_path / "gone").mkdir(exist_ok=True)
    relative = ["sh", "-c", script, sys.executable, "log", "--repo", "store"]
    done = subprocess.run(relative, capture_output=True, text=True, check=False)
    assert done.returncode != 0 and "bug" not in done.stderr


def test_completion_knows_the_contexts(saved: Any) -> None:
    environ = {
        **os.environ,
        "_CTX_COMPLETE": "bash_complete",
        "COMP_WORDS": "ctx show claude-code/h",
        "COMP_CWORD": "2",
    }
    program = "from ctxstore.cli.main import main; main()"
    done = subprocess.run([sys.executable, "-c", program], env=environ, capture_output=True, text=True, check=False)
    assert done.stdout == "plain,claude-code/home\n"
