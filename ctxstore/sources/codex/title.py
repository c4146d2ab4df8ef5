"""A session's title, from what its user wrote first."""

from __future__ import annotations

from ctxstore.sources.summary import one_line

_REQUEST = "## My request for Codex:"
"""What the user wrote follows this line where an editor put its own words before it."""

_NOT_WRITTEN = (
    "# AGENTS.md instructions",
    "<INSTRUCTIONS>",
    "<apps_instructions>",
    "<collaboration_mode>",
    "<environment_context>",
    "<environments_instructions>",
    "<hook_prompt",
    "<instructions>",
    "<model_switch>",
    "<permissions instructions>",
    "<personality_spec>",
    "<plugins_instructions>",
    "<skill>",
    "<skills_instructions>",
    "<startup_context>",
    "<subagent_notification>",
    "<turn_aborted>",
    "<user_action>",
    "<user_instructions>",
    "<user_shell_command>",
    "<user_verification_notice>",
    "Another language model started to solve this problem",
    "Warning: apply_patch was requested via",
)
"""How texts begin that Codex put into the user's mouth."""


def is_written(text: str) -> bool:
    """Whether the user wrote this, as against Codex in the user's name."""
    return bool(text) and not text.lstrip().startswith(_NOT_WRITTEN)


def title_of(texts: list[str]) -> str:
    """The first of a message's texts that its user wrote, as a title; empty if there is none."""
    if texts and not is_written(texts[0]) and texts[0].strip():
        return ""  # what follows in the same message belongs to it
    return next(filter(None, (one_line(request_of(text)) for text in texts)), "")


def request_of(text: str) -> str:
    """What the user wrote of a text that an editor put its own words before."""
    _, found, request = text.partition(_REQUEST)
    return request if found and request.strip() else text
