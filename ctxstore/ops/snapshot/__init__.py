"""Snapshot: finds what changed in the agents' data and saves it as commits."""
