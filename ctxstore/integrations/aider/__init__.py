"""Commands for aider that save its chat as commits, and load it again. See docs/aider.md.

Three parts: `launch` finds aider and the Python it runs in; ``inside`` is what runs there, on the standard library
alone; `bridge` runs in ctxstore's own Python, once for each command, and is told and tells in JSON.
"""
