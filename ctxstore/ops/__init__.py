"""What can be done with a repository, one verb or noun a file."""
