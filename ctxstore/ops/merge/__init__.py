"""A three-way merge of two commits, with a list of the conflicts."""
