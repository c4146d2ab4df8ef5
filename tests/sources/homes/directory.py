"""A folder with one of everything."""

from __future__ import annotations

from pathlib import Path

from tests.sources.homes.home_files import write


def make(folder: Path) -> None:
    """Writes the folder."""
    write(folder, {"a.txt": "a", "deep/er/b.txt": "b"})
    (folder / "empty").mkdir()
    (folder / "link").symlink_to("nowhere")
