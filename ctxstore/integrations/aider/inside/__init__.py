"""The part that runs in aider's Python, 3.10 or later. It imports only the standard library, aider, and itself."""
