"""What runs inside aider's own Python, 3.10 or later: it may import the standard library, aider, and itself."""
