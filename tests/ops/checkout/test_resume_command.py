"""The command shown to resume a session. It is safe to run, whatever the session contains."""

from __future__ import annotations

import shlex
from pathlib import Path

from ctxstore.ops.checkout.placement import Placement
from ctxstore.ops.snapshot.targets import Target
from ctxstore.sources.gemini import Gemini
from tests.sources.homes import gemini as gemini_home

EVIL = "x; touch pwned"


def test_a_session_that_calls_itself_a_command_is_one_word(repo, tmp_path: Path):
    gemini_home.make(tmp_path)
    for path in (tmp_path / ".gemini/tmp/engine/chats").glob("*.jsonl"):
        path.write_text(path.read_text().replace(gemini_home.SESSION, EVIL))
    source = Gemini()
    repo.snapshot([Target(source, source.discover({"HOME": str(tmp_path)})[0])])
    refs = [name for name, _ in repo.refs() if name.startswith("gemini/engine/6f1c2a34-2026-01-01")]
    plan = repo.plan_checkout(refs[0], placement=Placement(home=str(tmp_path / "other")))
    assert shlex.split(plan.resume_target.command)[-2:] == ["--resume", EVIL]
