"""The command ``/context_load``: continues from a saved chat."""

from __future__ import annotations

from typing import Any

from .backup import Backup
from .backup_command import CommandWords
from .compare_files import ComparedFile, compare, restore_files
from .current_chat import ChatFile, build_request, chat_files, chat_messages, project_folder
from .find_backup import find_backup, list_backups
from .problem import CommandProblem
from .prompt import Prompt, format_count, local_time
from .store import Store
from .switch_model import model_changes

BEFORE = "before-load"
"""The name under which a load saves the chat that it replaces."""


def load_backup(coder: Any, prompt: Prompt, store: Store, words: CommandWords) -> dict[str, Any] | None:
    """Loads a chat, or lists the backups without arguments. Returns the arguments of `SwitchCoder`, if any."""
    project = project_folder(coder)
    if not words.plain:
        list_backups(project, prompt, store)
        return None
    if len(words.plain) > 1:
        raise CommandProblem("only one backup can be loaded", "`/context_load` lists the backups")
    backup = find_backup(project, store, words.plain[0])
    files = _confirm_outside_files(prompt, compare(project, backup), backup)
    to_restore = _choose_files_to_restore(prompt, files, everything="--files" in words.options)
    changes = model_changes(coder, prompt, backup)
    is_saved = _save_before(coder, prompt, store, to_restore)
    failed = dict(restore_files(to_restore))
    restored = [file for file in to_restore if file not in failed]
    _apply(coder, prompt, backup, [file for file in files if file.exists or file in restored])
    for file, why in failed.items():
        prompt.error(f"{file.saved.path} was not restored: {why}")
    if restored:
        prompt.info(f"Restored: {', '.join(file.saved.path for file in restored)}")
    _report_loaded(coder, prompt, backup, is_saved)
    return changes


def _confirm_outside_files(prompt: Prompt, files: list[ComparedFile], backup: Backup) -> list[ComparedFile]:
    """Returns the files that may be added to the chat. Files outside the project need confirmation.

    Otherwise, a backup from someone else could send any file of the user to a model.
    """
    outside = [file for file in files if not file.is_inside and file.exists and not backup.is_own]
    question = f"Add {format_count(len(outside), 'file')} from outside the project?"
    if outside and not prompt.confirm(question, "\n".join(file.target for file in outside)):
        for file in outside:
            prompt.warn(f"{file.target} is outside the project and was not added")
        return [file for file in files if file not in outside]
    return files


def _choose_files_to_restore(prompt: Prompt, files: list[ComparedFile], *, everything: bool) -> list[ComparedFile]:
    """Returns the files to restore: with `everything` all changed and missing ones, else missing ones if confirmed."""
    missing = [file for file in files if file.state == "missing" and file.can_be_restored]
    changed = [file for file in files if file.state == "differs" and file.can_be_restored]
    if everything:
        for file in files:
            if file.state in ("missing", "differs") and not file.is_inside:
                prompt.warn(f"{file.saved.path} is outside the project and was not restored")
        return missing + changed
    if changed:
        names = ", ".join(file.saved.path for file in changed)
        prompt.info(f"Different from the backup, and not changed: {names} (--files restores them)")
    question = f"Create {format_count(len(missing), 'missing file')} from the backup?"
    if missing and prompt.confirm(question, "\n".join(file.saved.path for file in missing)):
        return missing
    return []


def _save_before(coder: Any, prompt: Prompt, store: Store, to_restore: list[ComparedFile]) -> bool:
    """Saves the chat and files that a load replaces. Returns whether anything was saved.

    Raises `CommandProblem` if files would be lost.
    """
    in_chat = chat_files(coder)
    overwritten = [file for file in to_restore if file.exists]
    if not (coder.done_messages or coder.cur_messages or overwritten):
        return False
    known = {each.absolute for each in in_chat}
    kept = [ChatFile(file.saved.path, file.target, "kept") for file in overwritten if file.target not in known]
    try:
        chat = build_request(coder, chat_messages(coder), len(coder.done_messages), in_chat + kept)
        answer = store.call("save", name=BEFORE, chat=chat)
    except CommandProblem as problem:
        if overwritten:
            raise CommandProblem(
                f"nothing was changed, because the current files cannot be saved: {problem.message}", problem.hint
            ) from None
        prompt.warn(f"the current chat was not saved: {problem.message}")
        return False
    unsaved = {path for path, _ in answer["unreadable"]} & {file.saved.path for file in overwritten}
    if unsaved:
        raise CommandProblem(f"nothing was changed, because the current {min(unsaved)} cannot be saved")
    return True


def _apply(coder: Any, prompt: Prompt, backup: Backup, files: list[ComparedFile]) -> None:
    coder.abs_fnames = {file.target for file in files if file.saved.is_editable}
    coder.abs_read_only_fnames = {file.target for file in files if not file.saved.is_editable}
    coder.done_messages, coder.cur_messages = list(backup.done), list(backup.current)
    added = {file.saved.path for file in files}
    for saved in backup.files:
        if saved.path not in added:
            prompt.warn(f"{saved.path} does not exist and was not added to the chat")


def _report_loaded(coder: Any, prompt: Prompt, backup: Backup, is_saved: bool) -> None:
    messages = f"{format_count(len(backup.done) + len(backup.current), 'message')} ({len(backup.done)} done)"
    read_only = f" and {len(coder.abs_read_only_fnames)} read-only" if coder.abs_read_only_fnames else ""
    files = format_count(len(coder.abs_fnames), "file") + read_only
    when = f", saved {local_time(backup.timestamp)}" if backup.timestamp else ""
    prompt.info(f"Loaded {backup.origin}{when}: {messages}, {files}")
    head = coder.repo.get_head_commit_sha() if coder.repo else None
    if backup.git.get("commit") and not str(head).startswith(str(backup.git["commit"])):
        branch = backup.git.get("branch") or "no branch"
        prompt.info(f"Git was at another commit then: {str(backup.git['commit'])[:7]} of {branch}")
    if is_saved:
        prompt.info(f"To return to the previous chat: /context_load {BEFORE}")
