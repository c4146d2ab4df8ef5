"""Commands for aider that save its chat as commits, and load it again. See docs/aider.md.

`launch` finds aider and its Python. ``inside`` runs in that Python, with the standard library alone. `bridge` runs in
ctxstore's own Python, once for each command, and exchanges JSON with ``inside``.
"""
