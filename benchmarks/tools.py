"""The measured tools, one class each."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from .measure import CommandFailed, Cost, finish
from .peer import Peer, Scratch


class Git(Peer):
    """Git with the home as work tree and the repository elsewhere. Everything is added and committed."""

    name = "git"
    program = "git"
    SETTINGS = ("user.name=bench", "user.email=bench@localhost", "gc.autoDetach=false")

    def environment(self) -> dict[str, str]:
        place = {"GIT_DIR": str(self.scratch.repository), "GIT_WORK_TREE": str(self.saved)}
        return super().environment() | {"GIT_CONFIG_NOSYSTEM": "1"} | place

    def init(self) -> None:
        self.run("init", "-q")
        for setting in self.SETTINGS:
            # A gc in the background would slow down the next tool.
            self.run("config", *setting.split("="))

    def snapshot(self) -> Cost:
        # `commit` exits with 1 if there is nothing to commit.
        return self.run("add", "-A") + self.run("commit", "-q", "-m", "snapshot", codes=(0, 1))

    def restore(self, target: Path) -> Cost:
        # With an empty index, git writes every file, as in a new clone.
        index = self.scratch.folder / f"index-{target.name}"
        settings = {"GIT_INDEX_FILE": str(index), "GIT_WORK_TREE": str(target)}
        cost = self.run("checkout", "-q", "-f", "HEAD", folder=target, settings=settings)
        index.unlink()
        return cost


class Restic(Peer):
    """Restic with a local repository. Its encryption cannot be disabled."""

    name = "restic"
    program = "restic"

    def environment(self) -> dict[str, str]:
        return super().environment() | {
            "RESTIC_REPOSITORY": str(self.scratch.repository),
            "RESTIC_PASSWORD_FILE": str(self.scratch.home / "password"),
            "RESTIC_CACHE_DIR": str(self.scratch.home / "restic-cache"),
        }

    def init(self) -> None:
        (self.scratch.home / "password").write_text("benchmark\n")
        self.run("init", "-q")

    def snapshot(self) -> Cost:
        return self.run("backup", "-q", ".")

    def restore(self, target: Path) -> Cost:
        return self.run("restore", "-q", "latest", "--verify", "--target", target)


class Borg(Peer):
    """Borg with a local repository, without encryption, at the same compression level as ctx."""

    name = "borg"
    program = "borg"

    def __init__(self, scratch: Scratch, home: Path) -> None:
        super().__init__(scratch, home)
        self.count = 0

    def environment(self) -> dict[str, str]:
        return super().environment() | {
            "BORG_REPO": str(self.scratch.repository),
            "BORG_BASE_DIR": str(self.scratch.home),
            "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes",
        }

    def init(self) -> None:
        self.run("init", "--encryption", "none")

    def snapshot(self) -> Cost:
        self.count += 1
        return self.run("create", "--compression", "zstd,3", f"::state-{self.count}", ".")

    def restore(self, target: Path) -> Cost:
        return self.run("extract", f"::state-{self.count}", folder=target)


class Ctx(Peer):
    """The command of this project, as a user runs it."""

    name = "ctx"
    program = os.environ.get("CTX") or str(Path(sys.executable).parent / "ctx")
    # If true, the whole home is saved as one folder. Otherwise the agents that are found in it are saved.
    as_folder = False

    def environment(self) -> dict[str, str]:
        # ctx saves the agents in HOME. Its caches and settings are in the scratch folder.
        # A folder is restored at its path below HOME.
        home = self.saved.parent if self.as_folder else self.saved
        return super().environment() | {"HOME": str(home)}

    def ctx(self, *arguments: str | Path) -> Cost:
        return self.run("--repo", self.scratch.repository, *arguments)

    def init(self) -> None:
        self.ctx("init")

    def snapshot(self) -> Cost:
        return self.ctx("snapshot", *self._source())

    def snapshot_json(self) -> Cost:
        """Makes a snapshot that prints its report as JSON, which `printed` returns."""
        return self.ctx("snapshot", "--json", *self._source())

    def printed(self) -> bytes:
        """Returns the output of the last command."""
        return (self.scratch.folder / "output").read_bytes()

    def _source(self) -> list[Path]:
        return [self.saved] if self.as_folder else []

    def restore(self, target: Path) -> Cost:
        return self.ctx("checkout", "--all", "--to", target)

    def laid_out(self, hashes: dict[str, bytes]) -> dict[str, bytes]:
        if not self.as_folder:
            return hashes
        return {f"{self.saved.name}/{path}": hash_ for path, hash_ in hashes.items()}

    def recompress(self) -> Cost:
        return self.ctx("gc", "--recompress")


class TarZstd(Peer):
    """The minimum cost of writing everything compressed, without history and without deduplication."""

    name = "tar_zstd"
    program = "tar"
    keeps_history = False

    def init(self) -> None:
        self.scratch.repository.mkdir()

    def snapshot(self) -> Cost:
        with (self.scratch.repository / "home.tar.zst").open("wb") as output:
            begin = time.perf_counter()
            tar = subprocess.Popen(["tar", "-c", "."], cwd=self.saved, stdout=subprocess.PIPE)
            zstd = subprocess.Popen(["zstd", "-q", "-3", "-T2"], stdin=tar.stdout, stdout=output)
            assert tar.stdout is not None
            tar.stdout.close()
            (packed, packed_code), (archived, code) = finish(zstd, begin), finish(tar, begin)
        if code or packed_code:
            raise CommandFailed(f"tar | zstd: exit codes {code}, {packed_code}")
        return Cost(packed.seconds, max(packed.memory, archived.memory))

    def restore(self, target: Path) -> Cost:
        return self.run("-x", "-I", "zstd", "-f", self.scratch.repository / "home.tar.zst", folder=target)


TOOLS: tuple[type[Peer], ...] = (Ctx, Git, Restic, Borg, TarZstd)
