"""The registry of sources: built-in ones, and those of other packages."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

import ctxstore.errors
from ctxstore.errors import NotFound, SourceError
from ctxstore.sources import registry
from ctxstore.sources.agents import AGENTS
from ctxstore.sources.directory import Directory
from ctxstore.sources.registry import get_source, iter_source_names, iter_sources

BUILT_IN = sorted(AGENTS)


@pytest.fixture
def third_party(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    package = tmp_path / "diary-1.0.dist-info"
    package.mkdir()
    (package / "entry_points.txt").write_text(f"[{registry.GROUP}]\n")
    monkeypatch.syspath_prepend(tmp_path)
    entries = metadata.EntryPoints(
        [
            metadata.EntryPoint("diary", "ctxstore.sources.directory:Directory", registry.GROUP),
            metadata.EntryPoint("broken", "ctxstore.no_such_module:Source", registry.GROUP),
            metadata.EntryPoint("directory", "ctxstore.no_such_module:Source", registry.GROUP),
        ]
    )
    monkeypatch.setattr(metadata, "entry_points", lambda group: entries.select(group=group))


def test_built_in_sources_are_listed_in_order() -> None:
    assert [source.name for source in iter_sources()] == BUILT_IN


@pytest.mark.usefixtures("third_party")
def test_third_parties_are_listed_only_when_asked_for() -> None:
    assert list(iter_source_names()) == BUILT_IN
    assert list(iter_source_names(third_party=True)) == [*BUILT_IN, "broken", "diary"]


@pytest.mark.usefixtures("third_party")
def test_a_third_partys_source_is_found_by_name_and_never_replaces_a_built_in_one() -> None:
    assert isinstance(get_source("diary"), Directory)
    assert isinstance(get_source("directory"), Directory)


@pytest.mark.usefixtures("third_party")
def test_a_third_partys_source_that_fails_is_named() -> None:
    with pytest.raises(SourceError, match="broken"):
        get_source("broken")


@pytest.mark.usefixtures("third_party")
def test_an_unknown_name_says_which_are_known() -> None:
    with pytest.raises(NotFound) as caught:
        get_source("abacus")
    assert "abacus" in caught.value.message
    assert ", ".join(sorted([*BUILT_IN, "broken", "diary"])) in caught.value.hint


def test_listing_contexts_imports_nothing_heavy(claude_home: Path) -> None:
    program = """
import sys
import ctxstore
before = set(sys.modules)
from ctxstore.sources.registry import iter_sources
for source in iter_sources():
    for root in source.discover({"HOME": sys.argv[1]}):
        list(source.contexts(root, lambda skipped: None))
heavy = {"msgspec", "json", "dataclasses", "pathlib", "importlib.metadata", "blake3"}
sys.exit(", ".join(heavy & (sys.modules.keys() - before)) or 0)
"""
    package = os.path.dirname(ctxstore.errors.__file__)
    done = subprocess.run(
        [sys.executable, "-c", program, str(claude_home)],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": os.path.dirname(package)},
    )
    assert (done.returncode, done.stderr) == (0, "")
