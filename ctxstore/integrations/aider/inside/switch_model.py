"""Switches to the model and the edit format of a saved chat."""

from __future__ import annotations

from typing import Any

from .backup import Backup
from .prompt import Prompt


def model_changes(coder: Any, prompt: Prompt, backup: Backup) -> dict[str, Any] | None:
    """Returns the arguments for `SwitchCoder`, or None if model and edit format are those of the backup."""
    changes: dict[str, Any] = {}
    model = _model(coder, prompt, backup)
    if model is not None:
        changes["main_model"] = model
    edit_format = _edit_format(coder, prompt, backup, model)
    if edit_format != coder.edit_format:
        changes["edit_format"] = edit_format
    # Otherwise aider summarizes the messages when the edit format changes, and they would differ from the saved ones.
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
    except Exception as error:  # aider and litellm raise exceptions of many types
        prompt.error(
            f"cannot switch to model {backup.model}, {now.name} is kept: {error}", f"`/model {backup.model}` retries"
        )
        return None
    return model


def _edit_format(coder: Any, prompt: Prompt, backup: Backup, model: Any) -> str:
    from aider import coders

    if not backup.edit_format:
        # As `/model` does: a chat with the old model's default format switches to the new model's default.
        is_default = model is not None and coder.edit_format == coder.main_model.edit_format
        return str(model.edit_format if is_default else coder.edit_format)
    known = {getattr(each, "edit_format", None) for each in coders.__all__}
    if backup.edit_format not in known:
        prompt.warn(f"this aider has no edit format {backup.edit_format!r}, {coder.edit_format} is kept")
        return str(coder.edit_format)
    return backup.edit_format
