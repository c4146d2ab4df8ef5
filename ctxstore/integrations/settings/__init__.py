"""Reversible edits of other programs' settings files. All existing bytes are kept, and removal leaves no trace.

`json_scan` locates the parts of a JSON text, and `json_edit` changes them. `toml_edit` edits Codex's notify list,
`plan` combines edits of several files, and `receipt` records the files, folders and containers that were created.
"""
