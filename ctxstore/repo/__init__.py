"""The public API of a repository: `Repo`, with one thin method per operation, and `init`, `open` and `repair`."""
