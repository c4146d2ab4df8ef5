"""JSON lines, as agents write them: cut into records, damage and all; shared by every source that has such files."""
