"""Forget: removes the trees of commits that no policy keeps.

The commits' records stay in the log, and gc frees the space. A commit in several contexts is forgotten only if none of
them keeps it. Contexts that were not selected keep all of their commits.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ctxstore.errors import InvalidInput, NoSpace, NotFound
from ctxstore.history.engine import Engine
from ctxstore.history.forgotten import Forgotten
from ctxstore.history.refs import selects
from ctxstore.history.root import RepositoryState
from ctxstore.history.transaction import MustRestart, transaction
from ctxstore.ids import ObjectId
from ctxstore.ops.retention.candidates import Histories, effective_now
from ctxstore.ops.retention.policy import Candidate, Policy, check_policy, decide, describe
from ctxstore.ops.retention.revalidate import is_still_valid

_TRIES = 16
_SWAPS = 64


class Selection(NamedTuple):
    """A policy for the contexts that match a pattern. The empty pattern matches all contexts.

    If several selections match a context, every commit is kept that one of their policies keeps.
    """

    pattern: str
    policy: Policy


class ForgetVerdict(NamedTuple):
    """The decision about a commit and its reason.

    `time` is the commit's time (UTC ns). For a dropped commit it is the time when it was dropped.
    """

    id: ObjectId
    time: int
    keep: bool
    reason: str


class ContextPlan(NamedTuple):
    """The decisions about the commits of one context, newest first. Commits forgotten earlier are not included."""

    ref: str
    verdicts: tuple[ForgetVerdict, ...]

    @property
    def forgotten(self) -> tuple[ForgetVerdict, ...]:
        """The decisions to forget a commit."""
        return tuple(verdict for verdict in self.verdicts if not verdict.keep)


class ForgetBasis(NamedTuple):
    """The basis of a plan: the policies in words, and the time from which ages are measured.

    It also records whether the plan includes dropped commits. `uses_ages` is True if a policy refers to ages.
    """

    policy: str
    now: int
    is_dropped: bool
    uses_ages: bool


class ForgetResult(NamedTuple):
    """The executed plan, and the id of the entry it added to the op log, or None if nothing was forgotten."""

    op: ObjectId | None
    plan: ForgetPlan


class ForgetPlan:
    """A plan to forget commits, for one state of the repository. Nothing is written before `execute`.

    `contexts` contains every decision. `kept` and `reasons` count a commit once, even if several contexts contain it.
    """

    def __init__(
        self, engine: Engine, root: RepositoryState, contexts: Sequence[ContextPlan], basis: ForgetBasis
    ) -> None:
        self._engine = engine
        self._root = root
        self.contexts = tuple(contexts)
        self.basis = basis
        self.reasons = {verdict.id: verdict.reason for context in contexts for verdict in context.forgotten}
        self.kept = len({verdict.id for context in contexts for verdict in context.verdicts if verdict.keep})

    def __getstate__(self) -> dict[str, object]:
        """Returns the decisions alone, for a report in another process."""
        return {name: value for name, value in self.__dict__.items() if name != "_engine"}

    @property
    def forgotten(self) -> int:
        """The number of commits to forget."""
        return len(self.reasons)

    def execute(self) -> ForgetResult:
        """Executes the plan as one entry of the op log.

        Raises `MustRestart` if the repository has changed so that the plan may be wrong.
        """
        if "_engine" not in self.__dict__:
            raise InvalidInput("a plan from another process cannot be executed", hint="plan again in this process")
        if not self.reasons:
            return ForgetResult(None, self)
        try:
            return self._execute()
        except NoSpace:
            # Forgetting is the way to free a full disk. The rest of the reserve is for the collection that follows.
            if not self._engine.storage.spend_reserve():
                raise
            return self._execute()

    def _execute(self) -> ForgetResult:
        """Publishes the marks. If another process swaps the root first, tries again while the plan is still valid."""
        time = self._engine.environment.clock()
        marks = {id: Forgotten(time, reason) for id, reason in self.reasons.items()}
        touched = sum(bool(context.forgotten) for context in self.contexts)
        statistics = {"contexts": touched, "forgotten": self.forgotten, "kept": self.kept}
        for _ in range(_SWAPS):
            with transaction(self._engine) as tx:
                if not is_still_valid(self._engine, self._root, tx.root, marks):
                    break
                tx.forget(marks)
                try:
                    return ForgetResult(tx.publish([], "forget", self.basis.policy, statistics).id, self)
                except MustRestart:
                    continue  # another process was faster; the plan may still be valid
        raise MustRestart


def plan_forget(
    engine: Engine, selections: Sequence[Selection], *, dropped: bool = False, after_snapshot: bool = False
) -> ForgetPlan:
    """Plans to forget commits of the selected contexts, or with `dropped` the commits dropped from them instead.

    Ages are measured from `effective_now`. With `after_snapshot`, the entry that the snapshot just added to the op log
    does not count for that, and a pattern may match nothing. Raises `InvalidInput` for an empty policy, and `NotFound`
    if a pattern matches nothing.
    """
    for _, policy in selections:
        check_policy(policy)
    root = engine.root()
    histories = Histories(engine, root)
    now = effective_now(engine, root, skip=int(after_snapshot))
    dropped_histories = histories.dropped_candidates() if dropped else {}
    if not after_snapshot:
        _require_matches(dropped_histories if dropped else histories.contexts, selections, dropped=dropped)
    chosen = _choose(dropped_histories if dropped else histories.contexts, selections)
    plans = []
    for ref, policies in chosen.items():
        candidates = dropped_histories[ref] if dropped else histories.candidates(ref)
        plans.append(ContextPlan(ref, _verdicts(candidates, policies, now, may_be_empty=dropped)))
    if not dropped:
        plans = _keep_shared(histories, plans)
    note = "; ".join(dict.fromkeys(describe(policy) for _, policy in selections))
    uses_ages = any(policy.within_ns or policy.max_age_ns for _, policy in selections)
    return ForgetPlan(engine, root, plans, ForgetBasis(note, now, dropped, uses_ages))


def forget(
    engine: Engine, selections: Sequence[Selection], *, dropped: bool = False, after_snapshot: bool = False
) -> ForgetResult:
    """Plans and executes. Repeats both if other processes wrote meanwhile; raises `MustRestart` if they never pause."""
    for _ in range(_TRIES):
        try:
            return plan_forget(engine, selections, dropped=dropped, after_snapshot=after_snapshot).execute()
        except MustRestart:
            continue
    raise MustRestart


def _require_matches(names: Iterable[str], selections: Sequence[Selection], *, dropped: bool) -> None:
    """Raises `NotFound` if a pattern matches no name."""
    for pattern, _ in selections:
        if pattern and not any(selects(name, pattern) for name in names):
            what = "no dropped context" if dropped else "no context"
            raise NotFound(f"{what} matches {pattern!r}", hint=_hint_for(pattern, names, dropped=dropped))


def _hint_for(pattern: str, names: Iterable[str], *, dropped: bool) -> str:
    """Returns the next step for a pattern that selects nothing: names that contain it, or where to look."""
    similar = sorted(name for name in names if pattern in name)
    if similar:
        return f"give a full name, such as {similar[0]}, or a glob, such as '*{pattern}*'"
    return "run `ctx op log` to list the runs" if dropped else "run `ctx refs` to list the contexts"


def _choose(names: Iterable[str], selections: Sequence[Selection]) -> dict[str, list[Policy]]:
    """Returns the policies that apply to each name, without names that no pattern matches."""
    chosen: dict[str, list[Policy]] = {}
    for name in names:
        policies = [policy for pattern, policy in selections if not pattern or selects(name, pattern)]
        if policies:
            chosen[name] = policies
    return chosen


def _verdicts(
    candidates: Sequence[Candidate], policies: Sequence[Policy], now: int, *, may_be_empty: bool
) -> tuple[ForgetVerdict, ...]:
    """Returns one decision for each commit. A commit is kept if one of the policies keeps it."""
    times = {candidate.id: candidate.time for candidate in candidates}
    best: dict[ObjectId, ForgetVerdict] = {}
    for policy in dict.fromkeys(policies):
        for id, keep, reason in decide(candidates, policy, now, may_be_empty=may_be_empty):
            if id not in best or (keep and not best[id].keep):
                best[id] = ForgetVerdict(id, times[id], keep, reason)
    return tuple(best.values())


def _keep_shared(histories: Histories, plans: list[ContextPlan]) -> list[ContextPlan]:
    """Keeps commits that another context keeps, or that a context outside the selection contains."""
    if not any(plan.forgotten for plan in plans):
        return plans
    selected = {plan.ref for plan in plans}
    others = [head for ref, head in histories.contexts.items() if ref not in selected]
    shared = dict.fromkeys(histories.ancestors(others), "a context that was not asked for has it, too")
    for plan in plans:
        for verdict in plan.verdicts:
            if verdict.keep:
                shared.setdefault(verdict.id, f"kept for {plan.ref}")
    return [
        plan._replace(verdicts=tuple(_keep_if_shared(verdict, shared) for verdict in plan.verdicts)) for plan in plans
    ]


def _keep_if_shared(verdict: ForgetVerdict, shared: dict[ObjectId, str]) -> ForgetVerdict:
    """Turns the decision about a shared commit into a decision to keep it."""
    if verdict.keep or verdict.id not in shared:
        return verdict
    return verdict._replace(keep=True, reason=shared[verdict.id])
