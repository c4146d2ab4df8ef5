"""The removal of caches. They are not the repository's data, so their removal need not be durable."""

import os
import shutil


def empty_folder(path: str) -> None:
    """Removes the content of a folder, as far as possible."""
    try:
        names = os.listdir(path)
    except OSError:
        return
    for name in names:
        child = os.path.join(path, name)
        try:
            shutil.rmtree(child) if os.path.isdir(child) and not os.path.islink(child) else os.unlink(child)
        except OSError:
            continue
