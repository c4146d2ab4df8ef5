"""Warnings about failed hooks. Hooks run in the background, so commands report their failures later."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ctxstore.cli.render.format import format_time
from ctxstore.cli.render.output import Output
from ctxstore.integrations.state_folders import hooks_folder

if TYPE_CHECKING:
    from ctxstore.integrations.hooks.failures import HookFailure


def find_failure() -> HookFailure | None:
    """Returns the last failure of a hook, unless a later hook succeeded."""
    folder = hooks_folder(os.environ)
    if not os.path.exists(os.path.join(folder, "failure")):
        return None  # the usual case, without the cost of the import below
    from ctxstore.integrations.hooks.failures import last_failure

    return last_failure(folder)


def warn_of_failure(output: Output) -> None:
    """Prints the last failure of a hook, if any, as a warning."""
    failure = find_failure()
    if failure is not None:
        times = f", {failure.times} times in a row" if failure.times > 1 else ""
        output.warn(f"{failure.agent} hooks failed at {format_time(failure.time)}{times}: {failure.message}")
