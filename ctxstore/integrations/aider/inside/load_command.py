"""``/context_load``: go on from a saved chat."""

from __future__ import annotations

from typing import Any

from .backup import Backup
from .backup_command import CommandWords
from .compare_files import ComparedFile, compare, write_back
from .current_chat import InChat, as_request, files_of, messages_of, project_of
from .find_backup import find_backup, list_backups
from .problem import CommandProblem
from .prompt import Prompt, count, local_time
from .store import Store
from .switch_model import switch

BEFORE = "before-load"
"""The name under which the chat is saved that a load replaces."""


def load(coder: Any, prompt: Prompt, store: Store, words: CommandWords) -> dict[str, Any] | None:
    """Bring a chat back; without arguments, list what there is. What aider has to switch to, if anything."""
    project = project_of(coder)
    if not words.plain:
        list_backups(project, prompt, store)
        return None
    if len(words.plain) > 1:
        raise CommandProblem("one backup is loaded at a time", "`/context_load` lists what there is")
    backup = find_backup(project, store, words.plain[0])
    files = _accepted(prompt, compare(project, backup), backup)
    to_write = _to_write(prompt, files, everything="--files" in words.options)
    switched = switch(coder, prompt, backup)
    saved = _save_before(coder, prompt, store, to_write)
    failed = dict(write_back(to_write))
    written = [file for file in to_write if file not in failed]
    _apply(coder, prompt, backup, [file for file in files if file.is_there or file in written])
    for file, why in failed.items():
        prompt.fail(f"{file.saved.path} was not written: {why}")
    if written:
        prompt.say(f"Put back: {', '.join(file.saved.path for file in written)}")
    _tell(coder, prompt, backup, saved)
    return switched


def _accepted(prompt: Prompt, files: list[ComparedFile], backup: Backup) -> list[ComparedFile]:
    """The files that may be in the chat. A stranger's backup must not send any file of the user's to a model."""
    foreign = [file for file in files if not file.is_inside and file.is_there and not backup.is_own]
    question = f"Add {count(len(foreign), 'file')} from outside of the project?"
    if foreign and not prompt.confirm(question, "\n".join(file.target for file in foreign)):
        for file in foreign:
            prompt.warn(f"{file.target} is no file of the project, and was not added")
        return [file for file in files if file not in foreign]
    return files


def _to_write(prompt: Prompt, files: list[ComparedFile], *, everything: bool) -> list[ComparedFile]:
    """Nothing is overwritten that was not asked for, and nothing is made without a yes."""
    missing = [file for file in files if file.state == "missing" and file.can_be_written]
    changed = [file for file in files if file.state == "differs" and file.can_be_written]
    if everything:
        for file in files:
            if file.state in ("missing", "differs") and not file.is_inside:
                prompt.warn(f"{file.saved.path} is no file of the project, and is left as it is")
        return missing + changed
    if changed:
        names = ", ".join(file.saved.path for file in changed)
        prompt.say(f"Not as they were saved, and left as they are: {names} (--files puts them back)")
    question = f"Make {count(len(missing), 'file')} as saved?"
    if missing and prompt.confirm(question, "\n".join(file.saved.path for file in missing)):
        return missing
    return []


def _save_before(coder: Any, prompt: Prompt, store: Store, to_write: list[ComparedFile]) -> bool:
    """Save what is about to be replaced; whether there was anything. Raises `CommandProblem` if files would be lost."""
    in_chat = files_of(coder)
    lost = [file for file in to_write if file.is_there and file.target not in {each.absolute for each in in_chat}]
    if not (coder.done_messages or coder.cur_messages or any(file.is_there for file in to_write)):
        return False
    try:
        kept = [InChat(file.saved.path, file.target, "kept") for file in lost]
        chat = as_request(coder, messages_of(coder), len(coder.done_messages), in_chat + kept)
        answer = store.ask("save", name=BEFORE, chat=chat)
    except CommandProblem as problem:
        if any(file.is_there for file in to_write):
            raise CommandProblem(
                f"nothing was changed, because it can't be saved before: {problem.message}", problem.hint
            ) from None
        prompt.warn(f"the chat so far could not be saved: {problem.message}")
        return False
    unsaved = {path for path, _ in answer["unreadable"]} & {file.saved.path for file in to_write if file.is_there}
    if unsaved:
        raise CommandProblem(f"nothing was changed, because {min(unsaved)} can't be saved before it is overwritten")
    return True


def _apply(coder: Any, prompt: Prompt, backup: Backup, files: list[ComparedFile]) -> None:
    coder.abs_fnames = {file.target for file in files if file.saved.is_editable}
    coder.abs_read_only_fnames = {file.target for file in files if not file.saved.is_editable}
    coder.done_messages, coder.cur_messages = list(backup.done), list(backup.current)
    there = {file.saved.path for file in files}
    for saved in backup.files:
        if saved.path not in there:
            prompt.warn(f"{saved.path} is not in the chat: it is not there")


def _tell(coder: Any, prompt: Prompt, backup: Backup, saved: bool) -> None:
    messages = f"{count(len(backup.done) + len(backup.current), 'message')} ({len(backup.done)} done)"
    read_only = f" and {len(coder.abs_read_only_fnames)} read-only" if coder.abs_read_only_fnames else ""
    files = count(len(coder.abs_fnames), "file") + read_only
    when = f", saved {local_time(backup.timestamp)}" if backup.timestamp else ""
    prompt.say(f"Loaded {backup.origin}{when}: {messages}, {files}")
    head = coder.repo.get_head_commit_sha() if coder.repo else None
    if backup.git.get("commit") and not str(head).startswith(str(backup.git["commit"])):
        prompt.say(
            f"It was saved at commit {str(backup.git['commit'])[:7]} of {backup.git.get('branch') or 'no branch'}."
        )
    if saved:
        prompt.say(f"The chat before it: /context_load {BEFORE}")
