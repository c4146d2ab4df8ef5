"""The source ``aider``: the histories that aider keeps in a project, and the chats that its extensions save there."""

import os
from collections.abc import Mapping

from ctxstore.errors import NotFound
from ctxstore.sources.agent import ProjectAgent
from ctxstore.sources.agents import AGENTS
from ctxstore.sources.homes import label_of
from ctxstore.sources.protocol import SourceHome

__all__ = ["Aider"]


class Aider(ProjectAgent):
    """The contexts of aider: a home is a project with one context, ``aider/<project>/chat``. A history elsewhere is a
    separate home."""

    description = AGENTS["aider"]

    def discover(self, environ: Mapping[str, str]) -> list[SourceHome]:
        """Returns the project that PWD is in, if aider was used there, and the histories elsewhere that settings
        name."""
        homes = super().discover(environ)
        folder = homes[0].path if homes else os.path.normpath(environ.get("PWD", ""))
        if not os.path.isabs(folder):
            return homes
        from ctxstore.sources.aider.settings import by_settings, by_variables

        inside = os.path.join(folder, "")
        named = [history.path for history in by_variables(environ)]
        named += [history.path for history in by_settings(folder) if not history.path.startswith(inside)]
        own = {os.path.join(folder, name) for name in self.description.projects}
        paths = [path for path in dict.fromkeys(named) if os.path.isfile(path) and path not in own]
        return homes + [self._history(path, environ) for path in paths]

    def is_project(self, path: str) -> bool:
        """Whether the folder has files of aider's, or the path is a history."""
        if not os.path.isdir(path):
            return os.path.isfile(path)
        return super().is_project(path) or any(map(os.path.isfile, self._named_in(path)))

    def home_at(self, path: str, environ: Mapping[str, str]) -> SourceHome:
        """Returns the home at a path that a user names: a project or a history. Raises `NotFound`."""
        place = os.path.abspath(path)
        if os.path.isfile(place):
            return self._history(place, environ)
        if not os.path.isdir(place):
            raise NotFound(f"no such file or folder: {path}", hint="name a project, or a history: aider:PATH")
        if self.is_project(place):
            return SourceHome(self.name, place, label_of(place, environ))
        from ctxstore.sources.aider.settings import by_settings

        elsewhere = (each.path for each in by_settings(place) if os.path.isfile(each.path))
        if (history := next(elsewhere, None)) is not None:
            return self._history(history, environ)
        raise NotFound(f"no data of aider was found in {path}")

    def _history(self, path: str, environ: Mapping[str, str]) -> SourceHome:
        return SourceHome(self.name, path, label_of(os.path.dirname(path), environ))

    def _named_in(self, folder: str) -> list[str]:
        """Returns the histories in the folder that its own settings name."""
        from ctxstore.sources.aider.settings import by_settings

        inside = os.path.join(folder, "")
        return [each.path for each in by_settings(folder) if each.path.startswith(inside)]
