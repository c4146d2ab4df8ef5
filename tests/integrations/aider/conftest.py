"""The real aider, started by `ctx aider` in a git project, and the repository of its chats."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import ctxstore
from tests.clients.aider import Aider
from tests.clients.client import Outcome
from tests.clients.fixtures import aider_place, model  # noqa: F401 - fixtures
from tests.clients.model.server import ModelServer

CTX = str(Path(sys.executable).parent / "ctx")


class Chat:
    """aider in a project with two files. Each call of `type` is a new run of aider."""

    def __init__(self, client: Aider, store: ctxstore.Repo) -> None:
        self.client, self.store, self.project = client, store, client.project
        self.repo = Path(store.path)
        self.start: tuple[str, ...] = (CTX, "--repo", store.path, "aider")

    def type(self, *lines: str, arguments: tuple[str, ...] = ("--read", "notes.md", "a.py")) -> Outcome:
        """Types lines at the prompt of a new run."""
        return self.client.type(*lines, arguments=arguments, command=self.start)

    def view(self, name: str) -> ctxstore.View:
        """Opens a backup by its name in this project."""
        (ref,) = [ref for ref, _ in self.store.refs("aider-chat/*") if ref.endswith(f"/{name}")]
        return self.store.view(ref)

    def names(self) -> list[str]:
        """Lists the names of all backups."""
        return [ref.rpartition("/")[2] for ref, _ in self.store.refs("aider-chat/*")]

    def files(self, folder: str = "context_backup") -> list[Path]:
        """Lists the files with backups."""
        return sorted((self.project / ".extn_aider/temp" / folder).glob("*"))


@pytest.fixture
def chat(aider_place: Path, model: ModelServer, tmp_path: Path) -> Iterator[Chat]:  # noqa: F811
    client = Aider(aider_place, model, tmp_path / "home", tmp_path / "my project")
    client.environ["PATH"] = f"{aider_place / 'bin'}:/usr/local/bin:/usr/bin:/bin"
    subprocess.run(["git", "init", "-q", "-b", "main", str(client.project)], check=True)
    (client.project / "a.py").write_text("print(1)\n")
    (client.project / "notes.md").write_text("be brief\n")
    with ctxstore.init(tmp_path / "repo") as store:
        yield Chat(client, store)
