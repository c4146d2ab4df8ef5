"""The part of the façade that forgets: policies, plans by them, what was forgotten."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ctxstore.history.engine import Engine

if TYPE_CHECKING:
    from ctxstore.history.forgotten import ForgottenCommits
    from ctxstore.ops.retention.forget import ForgetPlan, ForgetResult, Selection
    from ctxstore.ops.retention.named_policies import AutomaticPolicy, NamedPolicy
    from ctxstore.ops.retention.policy import Policy


class RetentionMethods:
    """What `Repo` does about commits that are no longer wanted. What is forgotten comes back by undo, until gc."""

    _engine: Engine

    def forgotten(self) -> ForgottenCommits:
        """The commits that are forgotten, with times and reasons."""
        return self._engine.forgotten(self._engine.root())

    def plan_forget(self, policy: Policy | str, *patterns: str, dropped: bool = False) -> ForgetPlan:
        """What a policy, or the one of that name, would forget of the contexts that match; of all without patterns.

        `dropped`: of what no context or tag holds any more, by when it was dropped. Raises `InvalidInput` for a policy
        without a rule, `NotFound` when a pattern matches nothing.
        """
        from ctxstore.ops.retention.forget import plan_forget

        return plan_forget(self._engine, self._selections(policy, patterns), dropped=dropped)

    def forget(self, policy: Policy | str, *patterns: str, dropped: bool = False) -> ForgetResult:
        """Plan and execute, planning anew when others write in between."""
        from ctxstore.ops.retention.forget import forget

        return forget(self._engine, self._selections(policy, patterns), dropped=dropped)

    def _selections(self, policy: Policy | str, patterns: Sequence[str]) -> list[Selection]:
        from ctxstore.ops.retention.forget import Selection

        found = self.get_policy(policy) if isinstance(policy, str) else policy
        return [Selection(pattern, found) for pattern in patterns or ("",)]

    def apply_retention(self) -> ForgetResult | None:
        """Forget what the repository's own retention asks for; None when there is none, or it ran a moment ago."""
        if not self._has_retention():
            return None
        from ctxstore.ops.retention.automatic import apply_retention

        return apply_retention(self._engine)

    def _has_retention(self) -> bool:
        # Asked after every snapshot, and mostly there is none: the rest need not even be imported.
        from ctxstore.ops.refs.settings import RETENTION, has_setting

        return has_setting(self._engine, RETENTION)

    def policies(self) -> Iterator[NamedPolicy]:
        """The policies that have a name, built-in ones included."""
        from ctxstore.ops.retention.named_policies import iter_policies

        return iter_policies(self._engine)

    def get_policy(self, name: str) -> Policy:
        """A policy by its name. Raises `NotFound`, `InvalidInput`."""
        from ctxstore.ops.retention.named_policies import get_policy

        return get_policy(self._engine, name)

    def set_policy(self, name: str, policy: Policy) -> bool:
        """Give a policy a name; False when it was so. Raises `InvalidInput`."""
        from ctxstore.ops.retention.named_policies import set_policy

        return set_policy(self._engine, name, policy)

    def remove_policy(self, name: str) -> None:
        """Take a named policy away. Raises `NotFound`, `Conflict`."""
        from ctxstore.ops.retention.named_policies import remove_policy

        remove_policy(self._engine, name)

    def retention(self) -> list[AutomaticPolicy]:
        """Which policies `apply_retention` applies, and to which contexts."""
        if not self._has_retention():
            return []
        from ctxstore.ops.retention.named_policies import get_automatic_policies

        return get_automatic_policies(self._engine)

    def set_retention(self, policy: str, pattern: str = "") -> bool:
        """Let `apply_retention` apply a named policy to contexts that match; False when it was so."""
        from ctxstore.ops.retention.named_policies import set_automatic

        return set_automatic(self._engine, policy, pattern)

    def stop_retention(self) -> bool:
        """Let `apply_retention` do nothing; False when it was so."""
        from ctxstore.ops.retention.named_policies import stop_automatic

        return stop_automatic(self._engine)

    def count_uncollected(self) -> int:
        """How many commits were forgotten since the last collection, which would free their space."""
        from ctxstore.ops.gc.last_run import count_uncollected

        return count_uncollected(self._engine)
