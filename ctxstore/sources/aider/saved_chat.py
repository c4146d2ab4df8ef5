"""The names that the parts of a saved aider chat have in a commit: see docs/aider.md.

The commands inside aider write a chat under these names, and the export ``aider-backup`` reads it.
"""

MODEL = "aider/model"
EDIT_FORMAT = "aider/edit-format"
DONE = "aider/done"
FILES = "aider/files"
GIT = "aider/git"
PROJECT = "aider/project"
"""The keys of a saved chat's memories."""

_INSIDE = "files/"
_OUTSIDE = "outside"


def file_key(path: str) -> str:
    """Returns the path that a commit has for a file of the chat.

    A relative path is inside the project, an absolute one outside it.
    """
    return _OUTSIDE + path if path.startswith("/") else _INSIDE + path
