"""The command line options of a retention policy."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ctxstore.errors import InvalidInput

if TYPE_CHECKING:
    from ctxstore import Policy

OptionFunction = TypeVar("OptionFunction", bound=Callable[..., Any])

_COUNTS = {
    "hourly": "Keep the newest commit per hour, for N hours with commits.",
    "daily": "Keep the newest commit per day, for N days with commits.",
    "weekly": "Keep the newest commit per ISO week, for N weeks with commits.",
    "monthly": "Keep the newest commit per month, for N months with commits.",
    "yearly": "Keep the newest commit per year, for N years with commits.",
}


def policy_options(function: OptionFunction) -> OptionFunction:
    """Adds the options of a policy to a command. `parse_policy` converts their values."""
    tagged = "Keep tagged commits. They are always kept, so use it alone to keep nothing else."
    options = [
        _count("last", "Keep the newest N commits."),
        _duration("keep-within", "Keep commits that are at most this old: 30d, 12h, 2w, 6m, 1y."),
        *(_count(name, text) for name, text in _COUNTS.items()),
        click.option("--keep-tagged", is_flag=True, help=tagged),
        click.option("--time-zone", metavar="ZONE", help="Count hours, days and so on in this zone. Default: yours."),
        _duration("max-age", "Forget older commits, even if another rule keeps them."),
    ]
    for option in reversed(options):
        function = option(function)
    return function


def _count(name: str, text: str) -> Callable[[OptionFunction], OptionFunction]:
    return click.option(f"--keep-{name}", metavar="N", type=click.IntRange(min=1), help=text)


def _duration(name: str, text: str) -> Callable[[OptionFunction], OptionFunction]:
    return click.option(f"--{name}", metavar="DURATION", help=text)


def parse_policy(options: dict[str, Any]) -> Policy | None:
    """Returns the policy given by `policy_options`, or None without any. Raises `InvalidInput`."""
    from ctxstore import Policy
    from ctxstore.ops.retention.duration import parse_duration
    from ctxstore.ops.retention.policy import check_policy
    from ctxstore.ops.retention.zone import find_local_zone

    if not any(value is not None and value is not False for value in options.values()):
        return None
    zone, is_by_calendar = options["time_zone"], any(options[f"keep_{name}"] for name in _COUNTS)
    if zone is not None and not is_by_calendar:
        raise InvalidInput("--time-zone has no effect on these rules", hint="add a rule such as --keep-daily")
    if zone == "":
        raise InvalidInput("--time-zone needs a name", hint="use a name such as Europe/Berlin, or UTC")
    within, max_age = options["keep_within"], options["max_age"]
    return check_policy(
        Policy(
            **{name: options[f"keep_{name}"] or 0 for name in ("last", *_COUNTS)},
            within_ns=parse_duration(within) if within is not None else 0,
            tagged=options["keep_tagged"],
            max_age_ns=parse_duration(max_age) if max_age is not None else 0,
            zone=(zone or find_local_zone(os.environ)) if is_by_calendar else "",
        )
    )
