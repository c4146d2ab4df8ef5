"""Credentials in stored content: found by a library, shown masked, redacted in exports. See docs/secrets.md."""
