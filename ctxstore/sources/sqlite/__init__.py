"""Agents' SQLite databases: consistent reads that change nothing, a session's rows as JSON lines, and the restoration
of such rows."""
