"""The source ``opencode``: OpenCode's sessions, in its databases and in the files it kept before, and its settings."""

import os
from collections.abc import Mapping

from ctxstore.sources.agent import ResumableAgent
from ctxstore.sources.agents import AGENTS
from ctxstore.sources.homes import label_of
from ctxstore.sources.protocol import SourceHome
from ctxstore.sources.resumable import StoredContext

__all__ = ["OpenCode"]

FILES_ENDING = ".files"
"""The end of the name of a session's files, if a database has the session too, with fewer messages."""

DATABASE = "OPENCODE_DB"
"""The variable that names the database. A relative path is below OpenCode's data folder."""


class OpenCode(ResumableAgent):
    """Contexts are ``opencode/<folder worked in>/<session>``, ``opencode/database``, ``opencode/storage`` and
    ``opencode/home``."""

    description = AGENTS["opencode"]

    def discover(self, environ: Mapping[str, str]) -> list[SourceHome]:
        """Returns OpenCode's folders, and the folder of a database that is elsewhere."""
        homes = super().discover(environ)
        folders = [environ.get("XDG_DATA_HOME") or os.path.join(environ.get("HOME", ""), ".local/share")]
        path = os.path.normpath(os.path.join(*folders, "opencode", environ.get(DATABASE, "")))
        folder = os.path.dirname(path)
        if environ.get(DATABASE) and os.path.isfile(path) and folder not in [home.path for home in homes]:
            homes.append(SourceHome(self.name, folder, label_of(folder, environ)))
        return homes

    def session_of(self, stored: StoredContext) -> str:
        """Returns the id of the session, which the context of its files has too."""
        return stored.session.removesuffix(FILES_ENDING)
