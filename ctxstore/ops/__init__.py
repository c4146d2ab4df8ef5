"""The operations on a repository: one package per command or group of commands."""
