"""What every measured tool can do, and the scratch folder it does it in."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

from .measure import Cost, Place, run


@dataclass(frozen=True)
class Scratch:
    """A tool's own folders: nothing is read from or written to the user's real home."""

    folder: Path

    @property
    def repository(self) -> Path:
        return self.folder / "repository"

    @property
    def home(self) -> Path:
        """The tool's own home: its configuration and caches, not what is saved."""
        return self.folder / "home"

    def environment(self) -> dict[str, str]:
        """Nothing of the caller's settings, apart from the path to programs."""
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
    """One tool with one repository, saving one home."""

    name: str
    program: str
    # False for a tool that can only write everything out once.
    keeps_history = True

    def __init__(self, scratch: Scratch, home: Path) -> None:
        self.scratch = scratch
        self.saved = home
        scratch.home.mkdir(parents=True)

    @abstractmethod
    def init(self) -> None:
        """Make an empty repository; not measured."""

    @abstractmethod
    def snapshot(self) -> Cost:
        """Save the home as it is now."""

    @abstractmethod
    def restore(self, target: Path) -> Cost:
        """Lay the newest state out in an empty folder, contents verified where the tool can."""

    def laid_out(self, hashes: dict[str, bytes]) -> dict[str, bytes]:
        """The home's files, by the paths they have below the target of `restore`."""
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
        """Run the tool's program, in the home unless told, with more settings in its environment."""
        environment = self.environment() | (settings or {})
        place = Place(folder or self.saved, environment, self.scratch.folder / "output")
        return run([self.program, *map(str, arguments)], place, codes=codes)
