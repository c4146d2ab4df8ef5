"""Integrations with agents: hooks, plugins, commands for aider, and a watcher."""
