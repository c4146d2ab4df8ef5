"""Service definitions that run a command line in the background: systemd units and launchd property lists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ctxstore.errors import CtxstoreError, InvalidInput

LABEL = "ctxstore.watch"

STORE_VARIABLES = ("CTX_REPO", "XDG_DATA_HOME", "XDG_STATE_HOME")
"""Environment variables that select the repository and the place of ctx's own state."""

SESSION_VARIABLES = ("HOME", "PWD")
"""Variables that are not copied: a service has its own home, and no current project."""


class _Recorder(Mapping[str, str]):
    """An environment that records which of its variables were asked for."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.names.add(name)
        return self._environ[name]

    def __iter__(self) -> Iterator[str]:
        self.names.update(self._environ)
        return iter(self._environ)

    def __len__(self) -> int:
        return len(self._environ)


def service_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Returns the variables that a service needs to find the repository and the homes that are found now.

    These are the ones that the sources ask for, so a new source or another package's source needs no list here.
    """
    from ctxstore.sources.registry import iter_sources

    recorder = _Recorder(environ)
    for source in iter_sources(third_party=True):
        try:
            source.discover(recorder)
        except (CtxstoreError, OSError):
            pass  # a snapshot reports it
    names = sorted({*STORE_VARIABLES, *recorder.names}.difference(SESSION_VARIABLES))
    return {name: environ[name] for name in names if environ.get(name)}


def systemd_unit(command: Sequence[str], environ: Mapping[str, str]) -> str:
    """Returns a systemd unit for the user's services. Raises `InvalidInput`."""
    words = [*command, *environ.values()]
    if any(not char.isprintable() for word in words for char in word):
        raise InvalidInput("a path contains a control character, which a systemd unit cannot contain")
    variables = "".join(f"Environment={_quote(f'{name}={value}')}\n" for name, value in environ.items())
    return f"""[Unit]
Description=Save agents' sessions whenever they change

[Service]
ExecStart={" ".join(_quote(word).replace("$", "$$") for word in command)}
{variables}Restart=on-failure
RestartSec=10
Nice=10

[Install]
WantedBy=default.target
"""


def _quote(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'


def launchd_plist(command: Sequence[str], environ: Mapping[str, str]) -> str:
    """Returns a launchd property list for a user agent. Raises `InvalidInput`."""
    import plistlib

    value = {
        "Label": LABEL,
        "ProgramArguments": list(command),
        "RunAtLoad": True,
        "KeepAlive": {"SuccessfulExit": False},
        "ProcessType": "Background",
    }
    if environ:
        value["EnvironmentVariables"] = dict(environ)
    try:
        return plistlib.dumps(value).decode()
    except (ValueError, UnicodeEncodeError) as error:
        raise InvalidInput("a path contains a control character, which a property list cannot contain") from error
