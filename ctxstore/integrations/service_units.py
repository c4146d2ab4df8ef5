"""Files that let an operating system run a command line in the background."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ctxstore.errors import InvalidInput

LABEL = "ctxstore.watch"


def systemd_unit(command: Sequence[str], environ: Mapping[str, str]) -> str:
    """A systemd unit for the user's own services."""
    words = [*command, *environ.values()]
    if any(not char.isprintable() for word in words for char in word):
        raise InvalidInput("a unit can't hold control characters, as in a path here")
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
    """A property list for launchd, one of the user's agents."""
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
        raise InvalidInput("a property list can't hold control characters, as in a path here") from error
