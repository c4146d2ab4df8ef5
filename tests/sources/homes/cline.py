"""A home with Cline's folders, one of everything."""

from __future__ import annotations

import json
from pathlib import Path

from tests.sources.homes.home_files import write

TASK = "1741000000001"
SESSION = "1783576295230_OWN01"
STORAGE = ".config/Code/User/globalStorage/saoudrizwan.claude-dev"

HISTORY = [
    {
        "role": "user",
        "content": [
            {"type": "text", "text": "<task>\nOil the wheels\n</task>"},
            {
                "type": "text",
                "text": "<environment_details>\n# Current Working Directory (/home/ada/engine) Files\na.txt\n"
                "</environment_details>",
            },
        ],
        "ts": 1741000000100,
    },
    {
        "role": "assistant",
        "content": [{"type": "text", "text": "Which ones?"}],
        "ts": 1741000000200,
        "modelInfo": {"modelId": "analytical-1", "providerId": "p", "mode": "act"},
    },
]
SHOWN = [
    {"ts": 1741000000050, "type": "say", "say": "text", "text": "Oil the wheels", "conversationHistoryIndex": -1},
    {"ts": 1741000000060, "type": "say", "say": "api_req_started", "text": "{}", "conversationHistoryIndex": -1},
    {"ts": 1741000000150, "type": "say", "say": "text", "text": "Which ones?", "conversationHistoryIndex": 0},
]
NEWER = {
    "version": 1,
    "agent": "lead",
    "sessionId": SESSION,
    "origin": {"source": "cli", "sessionId": SESSION},
    "messages": [
        {
            "id": "a50c7685-9dec-44c9-bbf1-000000000001",
            "role": "user",
            "content": [{"type": "text", "text": f'<user_input mode="act">Oil {SESSION}</user_input>'}],
            "ts": 1783576295886,
        },
        {
            "id": "msg_1",
            "role": "assistant",
            "content": [{"type": "text", "text": "Which ones?"}],
            "ts": 1783576296287,
            "modelInfo": {"id": "analytical-1", "provider": "p"},
        },
    ],
    "system_prompt": "Help.\n4. Working Directory: /home/ada/engine\n</env>\n",
}


def facts(root: str) -> dict[str, str]:
    """Returns the facts that newer versions of Cline record of their session at `root`."""
    return {
        "session_id": SESSION,
        "cwd": "/home/ada/engine",
        "workspace_root": "/home/ada/engine",
        "prompt": f"Oil {SESSION}",
        "messages_path": f"{root}/sessions/{SESSION}/{SESSION}.messages.json",
    }


def make(home: Path) -> None:
    """Writes the folders below `home`."""
    task = f"tasks/{TASK}"
    write(
        home / STORAGE,
        {
            f"{task}/api_conversation_history.json": json.dumps(HISTORY, separators=(",", ":")),
            f"{task}/ui_messages.json": json.dumps(SHOWN, separators=(",", ":")),
            f"{task}/task_metadata.json": '{"files_in_context":[],"model_usage":[]}',
            f"{task}/checkpoints/.git/HEAD": "ref: refs/heads/main\n",
            "tasks/1741000000002/ui_messages.json": json.dumps(SHOWN),
            "tasks/not a task!/x.json": "{}",
            "state/taskHistory.json": json.dumps([{"id": TASK, "ts": 1741000000050, "task": "Oil the wheels"}]),
            "settings/cline_mcp_settings.json": '{"mcpServers":{}}',
            "settings/providers.json": '{"key":"k"}',
            "cache/models.json": "[]",
            "checkpoints/123/.git/HEAD": "ref: refs/heads/main\n",
            "secrets.json": '{"token":"t"}',
        },
    )
    session = SESSION
    write(
        home / ".cline",
        {
            f"data/sessions/{session}/{session}.json": json.dumps(facts(str(home / ".cline/data")), indent=2),
            f"data/sessions/{session}/{session}.messages.json": json.dumps(NEWER, indent=2),
            "data/settings/providers.json": '{"key":"k"}',
            "skills/oil/SKILL.md": "oils",
        },
    )
    write(home / "Documents/Cline", {"Rules/brief.md": "Be brief.\n"})
