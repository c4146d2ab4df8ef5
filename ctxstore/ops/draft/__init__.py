"""Drafts: a program's edits of one context, committed together."""
