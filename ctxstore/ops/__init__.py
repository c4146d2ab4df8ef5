"""The operations on a repository, each under its own name.

`repo` calls them from here. Each is imported when it is first used: a command and a hook load only what they need.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ctxstore.ops.check.check import check_repository
    from ctxstore.ops.check.subset import parse_subset
    from ctxstore.ops.check.unreachable import iter_unreachable
    from ctxstore.ops.check.verify_commit import verify_commit
    from ctxstore.ops.checkout.placement import check_placement
    from ctxstore.ops.checkout.plan import plan_checkout_all, plan_checkout_in_place, plan_checkout_to
    from ctxstore.ops.checkout.plan_resume import plan_checkout_elsewhere
    from ctxstore.ops.checkout.vanished import iter_vanished
    from ctxstore.ops.content.conversation import iter_messages
    from ctxstore.ops.content.diff import diff
    from ctxstore.ops.content.find_message import find_messages
    from ctxstore.ops.content.log import iter_contexts, iter_history, iter_runs
    from ctxstore.ops.content.patch import patch
    from ctxstore.ops.content.stats import stats
    from ctxstore.ops.content.view import View
    from ctxstore.ops.draft.draft import open_draft
    from ctxstore.ops.export import iter_export
    from ctxstore.ops.gc.collect import collect, plan_gc
    from ctxstore.ops.gc.last_run import count_uncollected
    from ctxstore.ops.merge.merge import Merge, merge_revisions
    from ctxstore.ops.refs.contexts_and_tags import create_tag, delete_tag, fork, iter_tags, plan_drop, rename
    from ctxstore.ops.refs.settings import RETENTION, has_setting
    from ctxstore.ops.refs.undo import iter_listed_ops, op_effect, plan_undo
    from ctxstore.ops.repair.examine import NoRepository
    from ctxstore.ops.repair.execute import plan_repair, repair_repository
    from ctxstore.ops.repair.object_sources import OtherRepository
    from ctxstore.ops.repair.plan import RepairOptions
    from ctxstore.ops.retention.automatic import apply_retention
    from ctxstore.ops.retention.forget import Selection, forget, plan_forget
    from ctxstore.ops.retention.named_policies import (
        get_automatic_policies,
        get_policy,
        iter_policies,
        remove_policy,
        set_automatic,
        set_policy,
        stop_automatic,
    )
    from ctxstore.ops.search.find import SearchFilters
    from ctxstore.ops.search.search import search_messages, update_index
    from ctxstore.ops.secrets.allowlist import allow, is_warning_on, set_warning
    from ctxstore.ops.secrets.redact import redact
    from ctxstore.ops.secrets.scan import scan_added, scan_commits
    from ctxstore.ops.snapshot.home_scan import SnapshotOptions
    from ctxstore.ops.snapshot.known_projects import known_projects
    from ctxstore.ops.snapshot.snapshot import create_snapshot
    from ctxstore.ops.snapshot.sources_report import survey

__all__ = [
    "RETENTION",
    "Merge",
    "NoRepository",
    "OtherRepository",
    "RepairOptions",
    "SearchFilters",
    "Selection",
    "SnapshotOptions",
    "View",
    "allow",
    "apply_retention",
    "check_placement",
    "check_repository",
    "collect",
    "count_uncollected",
    "create_snapshot",
    "create_tag",
    "delete_tag",
    "diff",
    "find_messages",
    "forget",
    "fork",
    "get_automatic_policies",
    "get_policy",
    "has_setting",
    "is_warning_on",
    "iter_contexts",
    "iter_export",
    "iter_history",
    "iter_listed_ops",
    "iter_messages",
    "iter_policies",
    "iter_runs",
    "iter_tags",
    "iter_unreachable",
    "iter_vanished",
    "known_projects",
    "merge_revisions",
    "op_effect",
    "open_draft",
    "parse_subset",
    "patch",
    "plan_checkout_all",
    "plan_checkout_elsewhere",
    "plan_checkout_in_place",
    "plan_checkout_to",
    "plan_drop",
    "plan_forget",
    "plan_gc",
    "plan_repair",
    "plan_undo",
    "redact",
    "remove_policy",
    "rename",
    "repair_repository",
    "scan_added",
    "scan_commits",
    "search_messages",
    "set_automatic",
    "set_policy",
    "set_warning",
    "stats",
    "stop_automatic",
    "survey",
    "update_index",
    "verify_commit",
]

_NAMES = {
    "check.check": "check_repository",
    "check.subset": "parse_subset",
    "check.unreachable": "iter_unreachable",
    "check.verify_commit": "verify_commit",
    "checkout.placement": "check_placement",
    "checkout.vanished": "iter_vanished",
    "checkout.plan": "plan_checkout_all plan_checkout_in_place plan_checkout_to",
    "checkout.plan_resume": "plan_checkout_elsewhere",
    "content.conversation": "iter_messages",
    "content.diff": "diff",
    "content.find_message": "find_messages",
    "content.log": "iter_contexts iter_history iter_runs",
    "content.patch": "patch",
    "content.stats": "stats",
    "content.view": "View",
    "draft.draft": "open_draft",
    "export": "iter_export",
    "gc.collect": "collect plan_gc",
    "gc.last_run": "count_uncollected",
    "merge.merge": "Merge merge_revisions",
    "refs.contexts_and_tags": "create_tag delete_tag fork iter_tags plan_drop rename",
    "refs.settings": "RETENTION has_setting",
    "refs.undo": "iter_listed_ops op_effect plan_undo",
    "repair.examine": "NoRepository",
    "repair.execute": "plan_repair repair_repository",
    "repair.object_sources": "OtherRepository",
    "repair.plan": "RepairOptions",
    "retention.automatic": "apply_retention",
    "retention.forget": "Selection forget plan_forget",
    "retention.named_policies": "get_automatic_policies get_policy iter_policies remove_policy"
    " set_automatic set_policy stop_automatic",
    "search.find": "SearchFilters",
    "search.search": "search_messages update_index",
    "secrets.allowlist": "allow is_warning_on set_warning",
    "secrets.redact": "redact",
    "secrets.scan": "scan_added scan_commits",
    "snapshot.home_scan": "SnapshotOptions",
    "snapshot.known_projects": "known_projects",
    "snapshot.snapshot": "create_snapshot",
    "snapshot.sources_report": "survey",
}

if not TYPE_CHECKING:  # a type checker knows the imports above, and refuses other names

    def __getattr__(name: str) -> object:
        from ctxstore.lazy import load_name

        return load_name(__name__, _NAMES, name)
