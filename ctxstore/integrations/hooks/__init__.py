"""Handling of agents' hooks: a hook returns at once, and a background process saves the session.

The agent waits for `start` only. `request` converts a call into requests, `queue` stores them until they are done,
`worker` executes them, and `failures` records errors.
"""
