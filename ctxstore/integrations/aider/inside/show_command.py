"""The command ``/context_show``: shows what a backup would save."""

from __future__ import annotations

from typing import Any

from .backup_command import CommandWords
from .current_chat import ChatFile, chat_files, chat_settings
from .problem import reason
from .prompt import Prompt, format_count
from .store import Store


def show_chat(coder: Any, prompt: Prompt, store: Store, words: CommandWords) -> None:
    """Prints the model, edit format, git state, messages and files of the chat."""
    settings = chat_settings(coder)
    model, git = settings["model"], settings["git"]
    prompt.info(f"project      {settings['project']}")
    prompt.info(f"model        {model['name']}")
    for kind in ("weak", "editor"):
        if model[kind] not in (None, model["name"]):
            prompt.info(f"{kind + ' model':<12} {model[kind]}")
    prompt.info(f"edit format  {settings['edit_format']}")
    if git:
        prompt.info(f"git          {git['branch'] or 'detached'} at {git['commit'][:7]}")
    _show_messages(coder, prompt)
    for file in chat_files(coder):
        prompt.info(f"{'read-only' if file.access == 'read' else 'file':<12} {file.path}  {_measure(coder, file)}")


def _show_messages(coder: Any, prompt: Prompt) -> None:
    done, current = list(coder.done_messages), list(coder.cur_messages)
    tokens = f", {_tokens(coder, [*done, *current])}" if done or current else ""
    prompt.info(f"messages     {len(done) + len(current)}: {len(done)} done, {len(current)} current{tokens}")


def _measure(coder: Any, file: ChatFile) -> str:
    try:
        with open(file.absolute, "rb") as stream:
            data = stream.read()
    except OSError as error:
        return f"not readable: {reason(error)}"
    lines = data.count(b"\n") + (not data.endswith(b"\n") and bool(data))
    try:
        tokens = _tokens(coder, data.decode(coder.io.encoding or "utf-8"))
    except (UnicodeDecodeError, LookupError):
        tokens = "not text in aider's encoding"
    return f"{format_count(len(data), 'byte')}, {format_count(lines, 'line')}, {tokens}"


def _tokens(coder: Any, content: Any) -> str:
    """Counts tokens with aider's counter, or estimates them if it fails."""
    try:
        number = int(coder.main_model.token_count(content))
    except Exception:  # tokenizers raise exceptions of many types
        texts = [content] if isinstance(content, str) else [str(message.get("content")) for message in content]
        number = sum(map(len, texts)) // 4
    return f"~{format_count(number, 'token')}"
