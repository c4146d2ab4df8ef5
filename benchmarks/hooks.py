"""Measurements of how long an agent waits for its hooks: `python -m benchmarks.hooks`.

Each run appends a message to a session and calls the hook like Claude Code, through the plugin's shell script. The
first time ends when the script ends. The second time ends when the commit exists, and then the next run begins. One
home has one session, the other has 1,200 (300 MB, all saved before).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import ctxstore

EVENTS = ("SessionStart", "Stop", "PreCompact", "SessionEnd")
PATIENCE = 60.0


@dataclass(frozen=True)
class Latency:
    """The times of one event in seconds: median and 95th percentile until the hook returned, median until it saved."""

    event: str
    sessions: int
    runs: int
    median: float
    p95: float
    saved: float


class Home:
    """A user's home with sessions, in which `ctx install claude-code` has run."""

    def __init__(self, path: Path, sessions: int) -> None:
        self.path, self.sessions = path, sessions
        self.environ = {"HOME": str(path), "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
        self.claude = path / ".claude"
        if sessions > 1:
            size = str(sessions * 250_000)
            command = [sys.executable, "-m", "benchmarks.home", str(path), "--sessions", str(sessions), "--size", size]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        else:
            self._append(self.claude / "projects" / "-work" / "11111111-1111-4111-8111-111111111111.jsonl")
        for words in (["install", "claude-code"], ["snapshot"]):
            subprocess.run(["ctx", *words], env=self.environ, check=True, capture_output=True)
        self.transcript = sorted(self.claude.glob("projects/*/*-*-*-*-*.jsonl"))[0]
        self._repo = ctxstore.open(path / ".local/share/ctxstore")

    def _append(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        record = {"type": "user", "message": {"role": "user", "content": f"{time.time_ns()}"}}
        with path.open("a") as file:
            file.write(json.dumps(record) + "\n")

    def call(self, event: str) -> tuple[float, float]:
        """Appends a message and calls the hook. Returns the seconds until it returned, and until the commit exists."""
        self._append(self.transcript)
        said = {"session_id": self.transcript.stem, "transcript_path": str(self.transcript), "hook_event_name": event}
        script = self.path / ".local/state/ctxstore/claude-code/session/ctx-hook"
        before = self._head()
        begin = time.perf_counter()
        subprocess.run(["/bin/sh", str(script), event], env=self.environ, input=json.dumps(said).encode(), check=True)
        returned = time.perf_counter() - begin
        while self._head() == before or self._waiting():
            assert time.perf_counter() < begin + PATIENCE
            time.sleep(0.005)
        saved = time.perf_counter() - begin
        time.sleep(0.1)
        return returned, saved

    def _head(self) -> object:
        return self._repo.resolve(self.transcript.stem).id

    def _waiting(self) -> bool:
        return any(name.endswith((".json", ".taken")) for name in os.listdir(self.path / ".local/state/ctxstore/hooks"))


def measure(home: Home, event: str, runs: int) -> Latency:
    """Measures the latency of an event, after one run that fills the caches."""
    home.call(event)
    returned, saved = zip(*(home.call(event) for _ in range(runs)), strict=True)
    ordered = sorted(returned)
    middle = ordered[runs // 2]
    return Latency(event, home.sessions, runs, middle, ordered[int(runs * 0.95)], sorted(saved)[runs // 2])


def _bare() -> float:
    """Returns the seconds that Python takes to start on this machine now, the minimum of every hook."""
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    return time.perf_counter() - begin


def main() -> None:
    """Measures all events in both homes and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=60)
    parser.add_argument("--sessions", type=int, default=1200)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found = []
    bare = sorted(_bare() for _ in range(options.runs))
    print(f"python -c pass: {bare[options.runs // 2] * 1000:.0f} ms, load {os.getloadavg()[0]:.1f}", flush=True)
    for sessions in (1, options.sessions):
        with tempfile.TemporaryDirectory(prefix="ctx-hooks-") as scratch:
            home = Home(Path(scratch), sessions)
            for event in EVENTS:
                found.append(measure(home, event, options.runs))
                each = found[-1]
                print(
                    f"| `{event}` | {sessions:,} | {each.median * 1000:.0f} ms | {each.p95 * 1000:.0f} ms | "
                    f"{each.saved * 1000:.0f} ms |",
                    flush=True,
                )
    if options.json:
        options.json.write_text(json.dumps([asdict(each) for each in found], indent=2) + "\n")


if __name__ == "__main__":
    main()
