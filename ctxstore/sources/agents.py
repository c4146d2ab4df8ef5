"""The table of agents: a row for each built-in source. Importing it imports no agent's module."""

from __future__ import annotations

import os

from ctxstore.sources.agent import AgentDescription, HomeFolder
from ctxstore.sources.editors import PROGRAMS, SCRIPTS
from ctxstore.sources.resumable import AgentProgram

_ROWS = (
    AgentDescription(
        name="aider",
        title="aider",
        family="text",
        source="ctxstore.sources.aider:Aider",
        projects=(
            ".aider.chat.history.md",
            ".aider.input.history",
            ".aider.llm.history",
            # The chats that extensions of aider save.
            ".aider/sessions",
            ".extn_aider/temp/context_backup",
            ".extn_aider/temp/context_create",
        ),
        # Messages are named and dated by where their session begins, which a part of the history does not contain.
        reads_whole=True,
    ),
    AgentDescription(
        name="claude-code",
        title="Claude Code",
        family="jsonl",
        source="ctxstore.sources.claude_code:ClaudeCode",
        subagents=r"projects/[^/]+/(agent-[^/]+|[^/]+/subagents/.+)\.jsonl",
        homes=(HomeFolder(".claude", ("CLAUDE_CONFIG_DIR",)),),
        program=AgentProgram(
            frozenset({"claude"}), ("/@anthropic-ai/claude-code/",), resume="claude --resume {session}"
        ),
        has_hooks=True,
    ),
    AgentDescription(
        name="cline",
        title="Cline",
        family="document",
        source="ctxstore.sources.cline:Cline",
        homes=(
            HomeFolder(".cline/data", ("CLINE_DATA_DIR", "CLINE_DIR/data")),
            HomeFolder(".cline", ("CLINE_DIR",), contents=("rules", "skills", "hooks", "workflows", "agents")),
            HomeFolder("Documents/Cline"),
        ),
        extension="saoudrizwan.claude-dev",
        # Every window keeps the list of tasks in memory, and writes it whole.
        program=AgentProgram(PROGRAMS, SCRIPTS, everywhere=True),
        reads_whole=True,
    ),
    AgentDescription(
        name="codex",
        title="Codex",
        family="jsonl",
        source="ctxstore.sources.codex:Codex",
        homes=(HomeFolder(".codex", ("CODEX_HOME",)),),
        program=AgentProgram(
            frozenset({"codex"}),
            ("/@openai/codex/",),
            resume="codex resume {session}",
            # An editor's window talks to a server that it starts in a folder of its own.
            servers=frozenset({"app-server", "mcp-server"}),
        ),
        has_hooks=True,
    ),
    AgentDescription(
        name="continue",
        title="Continue",
        family="document",
        source="ctxstore.sources.continue_dev:Continue",
        homes=(HomeFolder(".continue", ("CONTINUE_GLOBAL_DIR",)),),
        program=AgentProgram(frozenset({"cn"}), ("/@continuedev/cli/", "bin/cn")),
        reads_whole=True,
    ),
    AgentDescription(
        name="copilot",
        title="GitHub Copilot CLI",
        family="jsonl",
        source="ctxstore.sources.copilot:Copilot",
        homes=(
            HomeFolder(".copilot", ("COPILOT_HOME",)),
            # Old versions went by XDG's variables.
            HomeFolder(moved=("XDG_CONFIG_HOME/.copilot",)),
            HomeFolder(moved=("XDG_STATE_HOME/.copilot",)),
        ),
        program=AgentProgram(frozenset({"copilot"}), ("/@github/copilot/",), resume="copilot --resume={session}"),
    ),
    AgentDescription(
        name="cursor",
        title="Cursor",
        family="sqlite",
        source="ctxstore.sources.cursor:Cursor",
        subagents=r"projects/[^/]+/agent-transcripts/[^/]+/subagents/.+\.jsonl",
        homes=(
            HomeFolder(".config/Cursor/User", ("XDG_CONFIG_HOME/Cursor/User",), is_absolute=True),
            HomeFolder("Library/Application Support/Cursor/User", is_absolute=True),
            HomeFolder(".cursor", is_absolute=True, is_named=False),
        ),
        program=AgentProgram(frozenset({"cursor", "Cursor", "cursor-agent"}), ("/cursor-agent/",), everywhere=True),
    ),
    AgentDescription(name="directory", title="Directory", family="none", source="ctxstore.sources.directory:Directory"),
    AgentDescription(
        name="flowloom",
        title="FlowLoom",
        family="none",
        source="ctxstore.sources.flowloom:FlowLoom",
        projects=(".flowloom/sessions/",),
    ),
    AgentDescription(
        name="gemini",
        title="Gemini CLI",
        family="jsonl",
        source="ctxstore.sources.gemini:Gemini",
        subagents=r"tmp/[^/]+/chats/[^/]+/[^/]+\.jsonl",
        homes=(HomeFolder(".gemini", ("GEMINI_CLI_HOME/.gemini",)),),
        program=AgentProgram(
            frozenset({"gemini"}),
            ("/@google/gemini-cli/", "/bin/gemini", "/.bin/gemini"),
            resume="gemini --resume {session}",
        ),
        has_hooks=True,
    ),
    AgentDescription(
        name="goose",
        title="Goose",
        family="sqlite",
        source="ctxstore.sources.goose:Goose",
        homes=(
            HomeFolder(".local/share/goose", ("XDG_DATA_HOME/goose",), is_absolute=True),
            HomeFolder("Library/Application Support/Block.goose", is_absolute=True, is_named=False),
            HomeFolder(".config/goose", ("XDG_CONFIG_HOME/goose",), is_absolute=True),
        ),
        instead=(
            HomeFolder(moved=("GOOSE_PATH_ROOT/data",), is_absolute=True),
            HomeFolder(moved=("GOOSE_PATH_ROOT/config",), is_absolute=True),
        ),
        program=AgentProgram(
            frozenset({"goose", "goosed", "Goose"}),
            everywhere=True,
            resume="goose session --resume --session-id {session}",
        ),
    ),
    AgentDescription(
        name="opencode",
        title="OpenCode",
        family="sqlite",
        source="ctxstore.sources.opencode:OpenCode",
        homes=(
            HomeFolder(".local/share/opencode", ("XDG_DATA_HOME/opencode",), is_absolute=True),
            HomeFolder(".config/opencode", ("XDG_CONFIG_HOME/opencode",), is_absolute=True),
        ),
        program=AgentProgram(
            frozenset({"opencode"}), ("/opencode-ai/",), everywhere=True, resume="opencode --session {session}"
        ),
    ),
    AgentDescription(
        name="roo",
        title="Roo Code",
        family="document",
        source="ctxstore.sources.roo:RooCode",
        homes=(HomeFolder(".roo"),),
        extension="rooveterinaryinc.roo-cline",
        program=AgentProgram(PROGRAMS, SCRIPTS, everywhere=True),
        reads_whole=True,
    ),
)

AGENTS = {row.name: row for row in _ROWS}
"""By name, in order."""


def project_at(source: str, home: str) -> str | None:
    """Returns the project of every context saved from `home`, or None if the agent of `source` does not keep its files
    in projects.

    Its transcripts need not name the project. A home that is a single file is in the project, or beside it.
    """
    agent = AGENTS.get(source)
    if agent is None or not agent.projects or not home:
        return None
    return os.path.dirname(home) if os.path.isfile(home) else home
