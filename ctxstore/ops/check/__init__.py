"""Check: verifies that every object exists and is what it was when it was written."""
