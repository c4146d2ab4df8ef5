"""Checkout: plans how to restore the files of a commit, and executes the plan."""
