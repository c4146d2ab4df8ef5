"""Credentials in what is stored: found by a library's rules, shown masked, blotted out of exports: docs/secrets.md."""
