"""The units of `ctx watch`: a service finds the homes and the repository that the command finds."""

from __future__ import annotations

import plistlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from ctxstore.integrations.service_units import service_variables
from ctxstore.sources.agents import AGENTS
from ctxstore.sources.registry import get_source
from tests.integrations.agent_home import AgentHome


class Everything(Mapping[str, str]):
    """An environment in which every variable but the usual ones names the same folder."""

    def __init__(self, home: Path, folder: Path) -> None:
        self._home, self._folder = str(home), str(folder)

    def __getitem__(self, name: str) -> str:
        return self._home if name in {"HOME", "PWD"} else self._folder

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


@pytest.mark.parametrize("name", AGENTS)
def test_a_service_finds_the_same_homes_whatever_variables_are_set(name: str, tmp_path: Path) -> None:
    for folder in ("home", "elsewhere"):
        (tmp_path / folder).mkdir()
    environ = Everything(tmp_path / "home", tmp_path / "elsewhere")
    copied = service_variables(environ) | {"HOME": environ["HOME"]}
    assert get_source(name).discover(copied) == get_source(name).discover(environ)


def test_units_copy_the_variables_of_agents_and_of_the_repository(agents: AgentHome) -> None:
    values = {
        "CLAUDE_CONFIG_DIR": "/work/claude",
        "CODEX_HOME": "/work/codex",
        "XDG_CONFIG_HOME": "/work/config",
        "XDG_STATE_HOME": str(agents.path / "state"),
        "CTX_REPO": str(agents.path / "repo"),
    }
    agents.environ |= values
    plist = plistlib.loads(agents.run("watch", "--launchd").stdout)
    assert values.items() <= plist["EnvironmentVariables"].items()
    assert not {"HOME", "PWD", "PATH"} & plist["EnvironmentVariables"].keys()
