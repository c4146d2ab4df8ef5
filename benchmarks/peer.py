"""The interface of every measured tool, and the scratch folder in which it runs."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

from .measure import Cost, Place, run


@dataclass(frozen=True)
class Scratch:
    """The folders of one tool, so that it neither reads nor writes the user's real home."""

    folder: Path

    @property
    def repository(self) -> Path:
        return self.folder / "repository"

    @property
    def home(self) -> Path:
        """The tool's own home, for its configuration and caches. The saved home is another folder."""
        return self.folder / "home"

    def environment(self) -> dict[str, str]:
        """Returns an environment without the caller's settings, except the path of programs."""
        return {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            "HOME": str(self.home),
            "XDG_CACHE_HOME": str(self.home / "cache"),
            "XDG_CONFIG_HOME": str(self.home / "config"),
            "XDG_DATA_HOME": str(self.home / "data"),
            "TMPDIR": str(self.folder),
        }


class Peer(ABC):
    """One tool with one repository, in which it saves one home."""

    name: str
    program: str
    # False for a tool that can only write everything once.
    keeps_history = True

    def __init__(self, scratch: Scratch, home: Path) -> None:
        self.scratch = scratch
        self.saved = home
        scratch.home.mkdir(parents=True)

    @abstractmethod
    def init(self) -> None:
        """Creates an empty repository. This is not measured."""

    @abstractmethod
    def snapshot(self) -> Cost:
        """Saves the current state of the home."""

    @abstractmethod
    def restore(self, target: Path) -> Cost:
        """Restores the newest state to an empty folder, and verifies the content if the tool can do that."""

    def laid_out(self, hashes: dict[str, bytes]) -> dict[str, bytes]:
        """Maps the hashes of the home's files to the paths that the files have below the target of `restore`."""
        return hashes

    def environment(self) -> dict[str, str]:
        return self.scratch.environment()

    def run(
        self,
        *arguments: str | Path,
        folder: Path | None = None,
        codes: tuple[int, ...] = (0,),
        settings: dict[str, str] | None = None,
    ) -> Cost:
        """Runs the tool's program in `folder` (default: the saved home), with `settings` added to its environment."""
        environment = self.environment() | (settings or {})
        place = Place(folder or self.saved, environment, self.scratch.folder / "output")
        return run([self.program, *map(str, arguments)], place, codes=codes)
