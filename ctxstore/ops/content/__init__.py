"""Reading a repository: commits, conversations, single messages, differences, statistics."""
