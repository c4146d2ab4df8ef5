"""Named policies, and the choice of those that snapshots apply. Both are settings of the repository."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from ctxstore.errors import Conflict, Corrupt, CtxstoreError, InvalidInput, NotFound, UnknownFormat
from ctxstore.history.engine import Engine
from ctxstore.history.refs import MAX_NAME, selects
from ctxstore.objects.encoding import Json
from ctxstore.ops.refs.settings import RETENTION, change_setting, find_setting, iter_settings
from ctxstore.ops.retention.duration import DAY, format_duration, parse_duration
from ctxstore.ops.retention.policy import Policy, check_policy

BUILT_IN = {"session-backup": Policy(last=10, max_age_ns=30 * DAY)}
"""Policies that apply unless the repository defines one with the same name."""

_POLICY = "policy/"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_DURATIONS = {"within": "within_ns", "max_age": "max_age_ns"}
_TEXTS = {*_DURATIONS, "zone"}
_COUNTS = ("last", "hourly", "daily", "weekly", "monthly", "yearly")
MAX_AUTOMATIC = 100


class NamedPolicy(NamedTuple):
    """A policy and its name."""

    name: str
    policy: Policy
    is_built_in: bool


class AutomaticPolicy(NamedTuple):
    """The name of the policy that snapshots apply to contexts matching `pattern`. The empty pattern matches all
    contexts."""

    pattern: str
    policy: str

    def applies_to(self, ref: str) -> bool:
        """Whether the policy keeps commits of the context `ref`."""
        return not self.pattern or selects(ref, self.pattern)


def iter_policies(engine: Engine) -> Iterator[NamedPolicy]:
    """Yields the repository's policies and the built-in ones, sorted by name. Raises `Corrupt` or `UnknownFormat`."""
    own = {key.removeprefix(_POLICY): value for key, value in iter_settings(engine, _POLICY)}
    for name in sorted(own.keys() | BUILT_IN.keys()):
        if name in own:
            yield NamedPolicy(name, decode_policy(own[name], name), False)
        else:
            yield NamedPolicy(name, BUILT_IN[name], True)


def get_policy(engine: Engine, name: str) -> Policy:
    """Returns a policy by its name. Raises `NotFound`, `InvalidInput`, `Corrupt` or `UnknownFormat`."""
    value = find_setting(engine, _POLICY + check_policy_name(name))
    if value is not None:
        return decode_policy(value, name)
    if name not in BUILT_IN:
        raise NotFound(f"there is no policy {name!r}", hint="`ctx policy` lists them; `ctx policy set` makes one")
    return BUILT_IN[name]


def set_policy(engine: Engine, name: str, policy: Policy) -> bool:
    """Defines or changes a named policy. Returns False if it had this value already. Raises `InvalidInput`."""
    value = encode_policy(check_policy(policy))
    return change_setting(engine, _POLICY + check_policy_name(name), lambda _: value, "policy", f"set {name}")


def remove_policy(engine: Engine, name: str) -> None:
    """Removes a policy. Raises `NotFound`, or `Conflict` while snapshots apply it."""

    def remove(value: Json) -> Json:
        if value is None:
            known = name in BUILT_IN
            raise NotFound(
                f"the policy {name!r} is built in and can't be removed" if known else f"there is no policy {name!r}",
                hint="`ctx policy` lists them",
            )
        return None

    used = any(each.policy == name for each in get_automatic_policies(engine))
    if used and name not in BUILT_IN:
        raise Conflict(f"snapshots apply the policy {name!r}", hint="stop this with `ctx policy auto --off`")
    change_setting(engine, _POLICY + check_policy_name(name), remove, "policy", f"remove {name}")


def get_automatic_policies(engine: Engine) -> list[AutomaticPolicy]:
    """Returns the policies that snapshots apply, usually none. Reads one key. Raises `Corrupt`."""
    value = find_setting(engine, RETENTION)
    return [] if value is None else _decode_automatic(value)


def set_automatic(engine: Engine, name: str, pattern: str = "") -> bool:
    """Makes snapshots apply a policy to contexts matching a pattern. Each pattern has one policy.

    Returns False if this was set already. Raises `NotFound` or `InvalidInput`.
    """
    get_policy(engine, name)
    if len(pattern) > MAX_NAME:
        raise InvalidInput("the pattern is too long", hint=f"use at most {MAX_NAME} characters")

    def add(value: Json) -> Json:
        found = [] if value is None else _decode_automatic(value)
        found = [*(each for each in found if each.pattern != pattern), AutomaticPolicy(pattern, name)]
        if len(found) > MAX_AUTOMATIC:
            raise InvalidInput(f"more than {MAX_AUTOMATIC} patterns would have a policy", hint="use wider patterns")
        return [each._asdict() for each in found]

    return change_setting(engine, RETENTION, add, "policy", f"auto {name} {pattern}".rstrip())


def stop_automatic(engine: Engine) -> bool:
    """Stops automatic retention. Returns False if there was none."""
    return change_setting(engine, RETENTION, lambda _: None, "policy", "auto --off")


def check_policy_name(name: str) -> str:
    """Returns the name if it is valid for a policy. Raises `InvalidInput` if not."""
    if not _NAME.fullmatch(name):
        raise InvalidInput(
            f"{name!r} is not a valid name for a policy", hint="use up to 64 letters, digits, dots, - and _"
        )
    return name


def encode_policy(policy: Policy) -> dict[str, Any]:
    """Encodes a policy as a JSON value: only its rules, with durations as text. Raises `InvalidInput`."""
    value: dict[str, Any] = {name: number for name in _COUNTS if (number := getattr(policy, name))}
    texts = {key: format_duration(ns) for key, name in _DURATIONS.items() if (ns := getattr(policy, name))}
    for text in texts.values():
        parse_duration(text)  # a duration must be a multiple of one hour
    value |= texts
    value |= {"tagged": True} if policy.tagged else {}
    return value | ({"zone": policy.zone} if policy.zone and policy.has_calendar else {})


def decode_policy(value: Json, name: str) -> Policy:
    """Decodes the result of `encode_policy`.

    Raises `Corrupt` if the value is malformed. Raises `UnknownFormat` for an unknown rule, which might keep commits.
    """
    hint = f"replace it with `ctx policy set {name} …`"
    if not isinstance(value, dict):
        raise Corrupt(f"the policy {name!r} is malformed", hint=hint)
    if unknown := value.keys() - {*_COUNTS, *_DURATIONS, "tagged", "zone"}:
        raise UnknownFormat(f"the policy {name!r} has a rule unknown to this release: {min(unknown)!r}", hint=hint)
    fields = {_DURATIONS.get(key, key): each for key, each in value.items()}
    try:
        for key, each in value.items():
            if type(each) is not (str if key in _TEXTS else bool if key == "tagged" else int):
                raise ValueError(key)
            if isinstance(each, str) and key in _DURATIONS:
                fields[_DURATIONS[key]] = parse_duration(each)
        return check_policy(Policy(**fields))
    except (ValueError, CtxstoreError) as error:
        raise Corrupt(f"the policy {name!r} is malformed: {error}", hint=hint) from error


def _decode_automatic(value: Json) -> list[AutomaticPolicy]:
    """Decodes the setting of automatic policies. Raises `Corrupt`."""
    try:
        if not isinstance(value, list) or len(value) > MAX_AUTOMATIC:
            raise TypeError
        found = [AutomaticPolicy(**each) for each in value]
        if not all(type(text) is str and len(text) <= MAX_NAME for each in found for text in each):
            raise TypeError
        return found
    except TypeError as error:
        hint = "reset it with `ctx policy auto --off`, then `ctx policy auto NAME`"
        raise Corrupt("the setting of automatic policies is malformed", hint=hint) from error
