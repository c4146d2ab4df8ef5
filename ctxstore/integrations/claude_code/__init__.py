"""Claude Code: a marketplace with two plugins, `session` (backups by themselves and by command) and `ctx`.

`marketplace/` is what `ctx install claude-code` copies; `slash` answers the commands of both.
"""
