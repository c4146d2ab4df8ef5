"""The storage: values by key, a root that is replaced by compare-and-swap, and the presence of writers."""
