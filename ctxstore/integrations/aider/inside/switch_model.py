"""The model and the edit format of a saved chat, as aider switches to them."""

from __future__ import annotations

from typing import Any

from .backup import Backup
from .prompt import Prompt


def switch(coder: Any, prompt: Prompt, backup: Backup) -> dict[str, Any] | None:
    """What `SwitchCoder` is to be raised with, or None when all is as it was saved."""
    changes: dict[str, Any] = {}
    model = _model(coder, prompt, backup)
    if model is not None:
        changes["main_model"] = model
    edit_format = _edit_format(coder, prompt, backup, model)
    if edit_format != coder.edit_format:
        changes["edit_format"] = edit_format
    # Without this a change of the format has aider summarize the messages: they would not be those that were saved.
    return {**changes, "summarize_from_coder": False} if changes else None


def _model(coder: Any, prompt: Prompt, backup: Backup) -> Any:
    from aider import models

    now = coder.main_model
    weak = backup.weak_model or getattr(now.weak_model, "name", None)
    editor = backup.editor_model or getattr(now.editor_model, "name", None)
    names = (now.name, getattr(now.weak_model, "name", None), getattr(now.editor_model, "name", None))
    if not backup.model or (backup.model, weak, editor) == names:
        return None
    try:
        model = models.Model(backup.model, weak_model=weak, editor_model=editor)
        models.sanity_check_models(coder.io, model)
    except Exception as error:  # what a name may do to aider and litellm is theirs to say
        prompt.fail(
            f"model {backup.model} can't be used, {now.name} stays: {error}", f"`/model {backup.model}` tries again"
        )
        return None
    return model


def _edit_format(coder: Any, prompt: Prompt, backup: Backup, model: Any) -> str:
    from aider import coders

    if not backup.edit_format:
        # As `/model` does: who had the old model's default gets the new one's.
        is_default = model is not None and coder.edit_format == coder.main_model.edit_format
        return str(model.edit_format if is_default else coder.edit_format)
    known = {getattr(each, "edit_format", None) for each in coders.__all__}
    if backup.edit_format not in known:
        prompt.warn(f"this aider has no edit format {backup.edit_format!r}, {coder.edit_format} stays")
        return str(coder.edit_format)
    return backup.edit_format
