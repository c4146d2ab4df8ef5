"""The guided tour: a made-up agent's home, and the real commands at work on it."""
