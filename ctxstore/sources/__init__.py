"""Sources: where agents keep their files, and how those become contexts and messages."""
