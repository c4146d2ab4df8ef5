"""The integration with Claude Code: a marketplace with the plugins `session` (backups) and `ctx` (log and diff).

`ctx install claude-code` copies the folder `marketplace`. `slash` answers the commands of both plugins.
"""
