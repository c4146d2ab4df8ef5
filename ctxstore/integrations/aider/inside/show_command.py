"""``/context_show``: what a backup would save."""

from __future__ import annotations

from typing import Any

from .backup_command import CommandWords
from .current_chat import InChat, describe, files_of
from .problem import reason
from .prompt import Prompt, count
from .store import Store


def show(coder: Any, prompt: Prompt, store: Store, words: CommandWords) -> None:
    """Model, edit format, git, messages, files."""
    told = describe(coder)
    prompt.say(f"project      {told['project']}")
    prompt.say(f"model        {told['model']['name']}")
    for kind in ("weak", "editor"):
        if told["model"][kind] not in (None, told["model"]["name"]):
            prompt.say(f"{kind + ' model':<12} {told['model'][kind]}")
    prompt.say(f"edit format  {told['edit_format']}")
    if told["git"]:
        prompt.say(f"git          {told['git']['branch'] or 'detached'} at {told['git']['commit'][:7]}")
    _messages(coder, prompt)
    for file in files_of(coder):
        prompt.say(f"{'read-only' if file.access == 'read' else 'file':<12} {file.path}  {_measure(coder, file)}")


def _messages(coder: Any, prompt: Prompt) -> None:
    done, current = list(coder.done_messages), list(coder.cur_messages)
    tokens = f", {_tokens(coder, [*done, *current])}" if done or current else ""
    prompt.say(f"messages     {len(done) + len(current)}: {len(done)} done, {len(current)} current{tokens}")


def _measure(coder: Any, file: InChat) -> str:
    try:
        with open(file.absolute, "rb") as stream:
            data = stream.read()
    except OSError as error:
        return f"can't be read: {reason(error)}"
    lines = data.count(b"\n") + (not data.endswith(b"\n") and bool(data))
    try:
        tokens = _tokens(coder, data.decode(coder.io.encoding or "utf-8"))
    except (UnicodeDecodeError, LookupError):
        tokens = "no text in aider's encoding"
    return f"{count(len(data), 'byte')}, {count(lines, 'line')}, {tokens}"


def _tokens(coder: Any, what: Any) -> str:
    """As aider counts them; roughly where its counter can't be had."""
    try:
        number = int(coder.main_model.token_count(what))
    except Exception:  # whatever the tokenizer of this model may raise
        texts = [what] if isinstance(what, str) else [str(message.get("content")) for message in what]
        number = sum(map(len, texts)) // 4
    return f"~{count(number, 'token')}"
