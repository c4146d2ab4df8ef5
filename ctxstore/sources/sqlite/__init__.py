"""Agents' SQLite databases: read as they are at one moment, without changing anything; a session's rows as JSON lines,
and those put back. Shared by every source that has such a database."""
