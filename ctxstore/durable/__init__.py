"""Durable writing of the user's files: complete and synced before a file gets its name, and its name synced after."""
