"""JSON lines as agents write them, and their division into records, even if they are damaged. Several sources use these
modules."""
