"""The command ``ctx``: parses, calls one method of the library, renders."""
