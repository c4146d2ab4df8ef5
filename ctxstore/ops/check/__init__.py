"""Check: verifies that every object exists and is unchanged since it was written."""
