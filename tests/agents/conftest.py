"""Real clients, and the sessions they make before a test begins."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.agents.scene import Scene
from tests.clients.fixtures import aider_place, claude_place, codex_place, gemini_place, model
from tests.clients.model.server import ModelServer

__all__ = ["aider_place", "claude_place", "codex_place", "gemini_place", "model"]


@pytest.fixture(scope="class")
def prepared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """A scene with two saved turns and a third, of the agent that the test class is for."""
    tests = request.cls
    scene = Scene(tests.kind, tests.package.folder(), tmp_path_factory.mktemp("agent"))
    with ModelServer() as server:
        scene.prepare(server)
    return scene


@pytest.fixture
def scene(prepared: Scene) -> Scene:
    """The prepared scene, reset after other tests."""
    prepared.reset()
    return prepared


@pytest.fixture
def agent(scene: Scene, model: ModelServer) -> Any:
    """The agent, in its own home and project."""
    return scene.agent(model)


@pytest.fixture
def waiting(scene: Scene, agent: Any, model: ModelServer) -> Iterator[None]:
    """A running agent that waits for the model's answer."""
    with agent.beside("meanwhile", resume=scene.session), model.holding() as asked:
        assert asked.wait(30)
        yield
