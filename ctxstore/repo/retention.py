"""The methods of `Repo` for retention: policies, plans to forget commits, and the forgotten commits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ctxstore import ops
from ctxstore.history.engine import Engine

if TYPE_CHECKING:
    from ctxstore.history.forgotten import ForgottenCommits
    from ctxstore.ops.retention.forget import ForgetPlan, ForgetResult, Selection
    from ctxstore.ops.retention.named_policies import AutomaticPolicy, NamedPolicy
    from ctxstore.ops.retention.policy import Policy


class RetentionMethods:
    """The methods of `Repo` for old commits. Until the next gc, undo restores forgotten commits."""

    _engine: Engine

    def forgotten(self) -> ForgottenCommits:
        """Returns the forgotten commits, with times and reasons."""
        return self._engine.forgotten(self._engine.root())

    def plan_forget(self, policy: Policy | str, *patterns: str, dropped: bool = False) -> ForgetPlan:
        """Plans to forget commits of the contexts that match `patterns` (none: all contexts), by a policy or its name.

        With `dropped`, selects commits that no context or tag reaches. Their age counts from when they were dropped.
        Raises `InvalidInput` for a policy without a rule, and `NotFound` if a pattern matches nothing.
        """
        return ops.plan_forget(self._engine, self._selections(policy, patterns), dropped=dropped)

    def forget(self, policy: Policy | str, *patterns: str, dropped: bool = False) -> ForgetResult:
        """Forgets the commits that `plan_forget` selects. Plans again if other processes write in the meantime."""
        return ops.forget(self._engine, self._selections(policy, patterns), dropped=dropped)

    def _selections(self, policy: Policy | str, patterns: Sequence[str]) -> list[Selection]:

        found = self.get_policy(policy) if isinstance(policy, str) else policy
        return [ops.Selection(pattern, found) for pattern in patterns or ("",)]

    def apply_retention(self) -> ForgetResult | None:
        """Applies the policies that `set_retention` set. Returns None if there are none, or if they ran recently."""
        if not self._has_retention():
            return None

        return ops.apply_retention(self._engine)

    def _has_retention(self) -> bool:
        # Called after every snapshot. Mostly there is no setting, so nothing more needs to be imported.

        return ops.has_setting(self._engine, ops.RETENTION)

    def policies(self) -> Iterator[NamedPolicy]:
        """Yields the named policies, including the built-in ones."""
        return ops.iter_policies(self._engine)

    def get_policy(self, name: str) -> Policy:
        """Returns the policy with this name. Raises `NotFound`, `InvalidInput`."""
        return ops.get_policy(self._engine, name)

    def set_policy(self, name: str, policy: Policy) -> bool:
        """Stores a policy under a name. Returns False if it was stored already. Raises `InvalidInput`."""
        return ops.set_policy(self._engine, name, policy)

    def remove_policy(self, name: str) -> None:
        """Removes a named policy. Raises `NotFound`, or `Conflict` if snapshots apply it."""
        ops.remove_policy(self._engine, name)

    def retention(self) -> list[AutomaticPolicy]:
        """Returns the policies that `apply_retention` applies, with the contexts of each."""
        if not self._has_retention():
            return []

        return ops.get_automatic_policies(self._engine)

    def set_retention(self, policy: str, pattern: str = "") -> bool:
        """Makes `apply_retention` apply a named policy to the matching contexts. Returns False if it did already."""
        return ops.set_automatic(self._engine, policy, pattern)

    def stop_retention(self) -> bool:
        """Removes all policies from `apply_retention`. Returns False if there were none."""
        return ops.stop_automatic(self._engine)

    def count_uncollected(self) -> int:
        """Returns the number of commits that were forgotten since the last gc. The next gc frees their space."""
        return ops.count_uncollected(self._engine)
