"""What went wrong where nobody was watching: in an agent's hooks."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ctxstore.cli.render.format import format_time
from ctxstore.cli.render.output import Output
from ctxstore.integrations.state_folders import hooks_folder

if TYPE_CHECKING:
    from ctxstore.integrations.hooks.failures import HookFailure


def find_failure() -> HookFailure | None:
    """The last failure of a hook, if none has saved anything since."""
    folder = hooks_folder(os.environ)
    if not os.path.exists(os.path.join(folder, "failure")):
        return None  # as nearly always: without loading what reads it
    from ctxstore.integrations.hooks.failures import last_failure

    return last_failure(folder)


def warn_of_failure(output: Output) -> None:
    """Tell of it."""
    failure = find_failure()
    if failure is not None:
        times = f", {failure.times} times in a row" if failure.times > 1 else ""
        output.warn(f"the hooks of {failure.agent} failed at {format_time(failure.time)}{times}: {failure.message}")
