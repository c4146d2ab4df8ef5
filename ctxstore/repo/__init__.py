"""The façade: an open repository, with one thin method an operation."""
