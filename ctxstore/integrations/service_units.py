"""Service definitions that run a command line in the background: systemd units and launchd property lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ctxstore.errors import InvalidInput

LABEL = "ctxstore.watch"


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
