"""Other programs' settings files, changed as a careful person would: what was there stays as it is, byte for byte, and
what was added can be taken out again without a trace.

`json_scan` finds the places in a text, `json_edit` changes it, `toml_edit` does for Codex's list of a program, `plan`
puts edits of several files together, `receipt` remembers what was made on the way.
"""
