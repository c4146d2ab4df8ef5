"""One file a command. A module is imported when its command is run, and not before."""
