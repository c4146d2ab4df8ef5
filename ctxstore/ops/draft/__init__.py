"""A draft: a program's edits of one session, committed together."""
