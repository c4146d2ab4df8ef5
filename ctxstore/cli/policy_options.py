"""The options that say what to keep, which several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from ctxstore.ops.retention.policy import Policy

OptionFunction = TypeVar("OptionFunction", bound=Callable[..., Any])

_COUNTS = {
    "hourly": "Keep the newest of an hour, for N hours that have one.",
    "daily": "Keep the newest of a day, for N days.",
    "weekly": "Keep the newest of an ISO week, for N weeks.",
    "monthly": "Keep the newest of a month, for N months.",
    "yearly": "Keep the newest of a year, for N years (in UTC).",
}


def rules(function: OptionFunction) -> OptionFunction:
    """The options of a policy. `policy_of` makes one of what they were given."""
    tagged = "Tagged commits are kept anyway: as the only rule, keep no others."
    options = [
        _count("last", "Keep the newest N."),
        _duration("keep-within", "Keep what is not older: 30d, 12h, 2w, 6m, 1y."),
        *(_count(name, text) for name, text in _COUNTS.items()),
        click.option("--keep-tagged", is_flag=True, help=tagged),
        _duration("max-age", "Forget what is older, whatever the rules say."),
    ]
    for option in reversed(options):
        function = option(function)
    return function


def _count(name: str, text: str) -> Callable[[OptionFunction], OptionFunction]:
    return click.option(f"--keep-{name}", metavar="N", type=click.IntRange(min=1), help=text)


def _duration(name: str, text: str) -> Callable[[OptionFunction], OptionFunction]:
    return click.option(f"--{name}", metavar="DURATION", help=text)


def policy_of(options: dict[str, Any]) -> Policy | None:
    """The policy that the options of `rules` say; None if none was given. Raises `InvalidInput`."""
    from ctxstore.ops.retention.duration import parse_duration
    from ctxstore.ops.retention.policy import Policy, check_policy

    if not any(value is not None and value is not False for value in options.values()):
        return None
    within, max_age = options["keep_within"], options["max_age"]
    return check_policy(
        Policy(
            **{name: options[f"keep_{name}"] or 0 for name in ("last", *_COUNTS)},
            within_ns=parse_duration(within) if within is not None else 0,
            tagged=options["keep_tagged"],
            max_age_ns=parse_duration(max_age) if max_age is not None else 0,
        )
    )
