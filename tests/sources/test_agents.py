"""The table of agents, and the places that follow it."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from ctxstore.cli.start import AGENTS as AGENTS_WITH_HOOKS
from ctxstore.integrations.supported_agents import SETUPS
from ctxstore.sources import agent as base
from ctxstore.sources.agents import AGENTS
from ctxstore.sources.registry import get_source

ROOT = Path(__file__).parents[2]
AGENTS_ON_THE_BASE = [name for name in AGENTS if isinstance(get_source(name), base.AgentSource)]
FAMILIES = {"jsonl", "document", "sqlite", "text", "none"}

MODULES = {
    "layout": base.LayoutModule,
    "transcript": base.TranscriptModule,
    "resume": base.ResumeModule,
}


def section(name: str) -> str:
    """Extracts the section of an agent from the reference of the sources."""
    _, *sections = (ROOT / "docs" / "sources.md").read_text().split("\n## ")
    (found,) = [text for text in sections if f"`{name}`" in text.partition("\n")[0]]
    return found


@pytest.mark.parametrize("name", AGENTS)
def test_a_source_has_the_name_and_title_of_its_row(name: str) -> None:
    source = get_source(name)
    assert (source.name, source.agent) == (name, AGENTS[name].title)
    assert AGENTS[name].family in FAMILIES


@pytest.mark.parametrize("name", AGENTS)
def test_the_documentation_names_an_agents_environment_variables(name: str) -> None:
    described = (*AGENTS[name].homes, *AGENTS[name].instead)
    assert {variable for folder in described for variable in folder.variables} <= set(
        re.findall(r"\$([A-Z_]+)", section(name))
    )


@pytest.mark.parametrize("name", sorted(AGENTS.keys() - {"directory"}))
def test_the_readme_names_every_agent(name: str) -> None:
    assert AGENTS[name].title in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("name", AGENTS_ON_THE_BASE)
def test_an_agents_modules_have_the_functions_that_the_base_calls(name: str) -> None:
    kind = type(get_source(name))
    own = {"make_layout" if each == "list_home" else each for each in dir(kind) if not is_inherited(kind, each)}
    for module, protocol in MODULES.items():
        if module == "resume" and not issubclass(kind, base.ResumableAgent):
            continue
        found = import_module(f"{kind.package}.{module}")
        for function, wanted in inspect.getmembers(protocol, inspect.isfunction):
            if not function.startswith("_") and function not in own:
                names = list(inspect.signature(wanted).parameters)[1:]
                assert list(inspect.signature(getattr(found, function)).parameters) == names, (module, function)


def is_inherited(kind: type, name: str) -> bool:
    """Whether a class has the member from the base."""
    return next(each for each in kind.__mro__ if name in vars(each)).__module__ in (base.__name__, "builtins")


def test_the_agents_that_ctx_install_supports_are_those_with_hooks() -> None:
    assert {name for name in AGENTS if AGENTS[name].has_hooks} == set(AGENTS_WITH_HOOKS) == SETUPS.keys()


def test_looking_for_agents_imports_nothing_that_reads_their_files(tmp_path: Path) -> None:
    program = """
import sys
from ctxstore.sources.registry import iter_sources
assert not [home for source in iter_sources() for home in source.discover({"HOME": sys.argv[1]})]
print(*(name for name in sys.modules if name.startswith("ctxstore.sources.") and name.count(".") == 3))
"""
    done = subprocess.run([sys.executable, "-c", program, tmp_path], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
