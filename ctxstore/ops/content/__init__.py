"""Reading a repository: the log, conversations, single messages, differences, statistics."""
