"""A home with Roo Code's folders, one of everything."""

from __future__ import annotations

import json
from pathlib import Path

from tests.sources.homes.home_files import write

TASK = "0195f3c2-0000-7000-8000-00000000000a"
PARENT = "0195f3c2-0000-7000-8000-000000000001"
STORAGE = ".config/VSCodium/User/globalStorage/rooveterinaryinc.roo-cline"

DETAILS = (
    "<environment_details>\n# Current Mode\n<slug>code</slug>\n<model>analytical-2</model>\n\n"
    "# Current Workspace Directory (/home/ada/engine) Files\na.txt\n</environment_details>"
)
HISTORY = [
    {
        "role": "user",
        "content": [{"type": "text", "text": "<task>\nOil\n</task>"}, {"type": "text", "text": DETAILS}],
        "ts": 1,
    },
    {"role": "assistant", "content": [{"type": "text", "text": "Done."}], "ts": 2, "condenseParent": "c1"},
    {"role": "user", "content": "Summary: oiled.", "ts": 3, "isSummary": True, "condenseId": "c1"},
]
ITEM = {"id": TASK, "parentTaskId": PARENT, "number": 3, "ts": 2, "task": "Oil", "workspace": "/home/ada/engine"}


def make(home: Path) -> None:
    """Writes the folders below `home`."""
    write(
        home / STORAGE,
        {
            f"tasks/{TASK}/api_conversation_history.json": json.dumps(HISTORY),
            f"tasks/{TASK}/ui_messages.json": "[]",
            f"tasks/{TASK}/history_item.json": json.dumps(ITEM),
            f"tasks/{TASK}/.ui_messages.json.new_1_x.tmp": "[",
            f"tasks/{TASK}/ui_messages.json.lock/x": "",
            f"tasks/{TASK}/checkpoints/.git/HEAD": "ref: refs/heads/main\n",
            "tasks/_index.json": json.dumps({"version": 1, "updatedAt": 1, "entries": [ITEM]}),
            "settings/custom_modes.yaml": "customModes: []\n",
            "settings/mcp_settings.json": '{"mcpServers":{}}',
            "cache/models.json": "[]",
            "secrets.json": "{}",
        },
    )
    write(home / ".roo", {"rules/brief.md": "Be brief.\n"})
