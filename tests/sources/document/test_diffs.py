"""The changes of a session that is a document. All of it is read, wherever its bytes differ."""

from __future__ import annotations

import json
import random
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import ctxstore
from ctxstore.ops.snapshot.targets import find_targets

home = import_module("tests.sources.homes.continue")  # the module's name is a keyword


@pytest.mark.parametrize("indent", [None, 2])
def test_of_a_long_session_that_went_on_only_what_is_new_is_shown(tmp_path: Path, indent: Any) -> None:
    home.make(tmp_path)
    path = tmp_path / ".continue" / "sessions" / f"{home.SESSION}.json"
    words = random.Random(7)
    said = [
        {"message": {"role": "user", "content": f"{words.random()} " * 400}, "contextItems": []} for _ in range(300)
    ]
    ref = f"continue/sessions/{home.SESSION}"
    edited = {"message": {"role": "user", "content": "otherwise"}, "contextItems": []}
    added = {"message": {"role": "user", "content": "put in"}, "contextItems": []}
    with ctxstore.init(tmp_path / "repo") as repo:
        for history in (said, [*said[:150], edited, *said[151:], added]):
            path.write_text(json.dumps(home.session(history=history), indent=indent))
            repo.snapshot(find_targets(["continue"], {"HOME": str(tmp_path)}))
        changes = repo.diff(f"{ref}~1", ref)
    assert [(m.id, m.parts[0].text) for m in changes.added] == [("@300", "put in")]
    assert [(new.id, new.parts[0].text) for _, new in changes.edited] == [("@150", "otherwise")]
    assert not changes.removed and not changes.rerooted
