"""The commands that write the user's files: whatever they report as done survives a power cut."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.durable.call_trace import CallTrace, find_violations

CTX = str(Path(sys.executable).parent / "ctx")
SESSION = "11111111-2222-4333-8444-555555555555"
STATE = ".local/state/ctxstore/hooks/lock"


class TracedHome:
    """A home with a saved session and a saved folder, and `ctx` as a traced process in it."""

    def __init__(self, path: Path, trace: CallTrace) -> None:
        self.path = path
        self.repository = path / ".local/share/ctxstore"
        self.trace = trace
        self._environ = {"HOME": str(path), "PATH": "/usr/bin:/bin", "CTX_REPO": str(self.repository)}
        self.transcript = path / f".claude/projects/-work/{SESSION}.jsonl"
        self.transcript.parent.mkdir(parents=True)
        self.say(6)
        (path / "folder/deep").mkdir(parents=True)
        (path / "folder/a").write_bytes(b"a")
        (path / "folder/deep/b").write_bytes(bytes(300_000))
        self.run("init")
        self.run("snapshot")
        self.run("snapshot", str(path / "folder"))
        self.ref = next(name for name in self.refs() if name.startswith("directory/"))

    def say(self, count: int) -> None:
        with self.transcript.open("a") as file:
            for number in range(count):
                text = {"role": "user", "content": f"text {number}"}
                record = {"type": "user", "uuid": f"u{number}", "sessionId": SESSION, "cwd": "/work", "message": text}
                file.write(json.dumps(record) + "\n")

    def refs(self) -> list[str]:
        return [each["name"] for each in json.loads(self.run("refs", "--json"))["refs"]]

    def run(self, *words: str, traced: bool = False) -> bytes:
        environ = {**self._environ, **(self.trace.environ if traced else {})}
        done = subprocess.run([CTX, *words], env=environ, cwd=self.path, capture_output=True, check=False)
        assert done.returncode == 0, (words, done.stdout[-500:], done.stderr[-500:])
        return done.stdout

    def violations(self, *words: str) -> list[str]:
        """Runs a traced command."""
        self.trace.clear()
        self.run(*words, traced=True)
        ignored = (str(self.repository), str(self.path / STATE))
        assert any(call.name in ("rename", "link", "unlink") for call in self.trace.calls())
        return list(find_violations(self.trace.calls(), str(self.path), ignored))


@pytest.fixture
def home(tmp_path: Path, trace: CallTrace) -> TracedHome:
    return TracedHome(tmp_path / "home", trace)


@pytest.mark.parametrize(
    "words",
    [
        ("{folder}", "--yes"),
        ("{folder}", "--to", "back"),
        ("{folder}", "--to", "folder", "--overwrite"),
        ("{session}", "--yes"),
        ("{session}", "--as-new-session"),
        ("{session}", "--at-message", "2"),
        ("{session}", "--home", "other"),
        ("{session}", "--home", ".", "--overwrite"),
        ("--all", "--to", "back"),
        ("--all", "--to", ".", "--overwrite"),
    ],
    ids=" ".join,
)
def test_a_checkout_is_synced(home, words):
    home.say(3)
    (home.path / "folder/a").write_bytes(b"changed")
    (home.path / "folder/new").write_bytes(b"removed by a checkout in place")
    words = [word.format(folder=home.ref, session=SESSION) for word in words]
    assert home.violations("checkout", *words) == []


@pytest.mark.parametrize("agent", ["claude-code", "codex", "gemini"])
def test_settings_are_synced(home, agent):
    for file, text in ((".claude/settings.json", "{}"), (".codex/config.toml", ""), (".gemini/settings.json", "{}")):
        (home.path / file).parent.mkdir(exist_ok=True)
        (home.path / file).write_text(text)
    assert home.violations("install", agent) == []
    assert home.violations("uninstall", agent) == []


def test_exports_are_synced(home):
    assert home.violations("export", SESSION, "-o", "new.json") == []
    os.symlink("new.json", home.path / "link.json")
    assert home.violations("export", SESSION, "-o", "link.json", "--overwrite") == []


def test_a_hooks_request_is_synced(home):
    home.say(1)
    payload = {"session_id": SESSION, "transcript_path": str(home.transcript), "hook_event_name": "PreCompact"}
    environ = {"HOME": str(home.path), "PATH": "/usr/bin:/bin", **home.trace.environ}
    data = json.dumps({**payload, "cwd": "/work"}).encode()
    subprocess.run([CTX, "hook", "claude-code"], input=data, env=environ, cwd=home.path, check=True)
    queue = str(home.path / ".local/state/ctxstore/hooks")
    calls = [call for call in home.trace.calls() if not call.path.endswith(".taken") and not call.to.endswith(".taken")]
    assert any(call.name == "rename" and call.to.startswith(queue) for call in calls)
    assert list(find_violations(calls, queue, (str(home.path / STATE),))) == []
