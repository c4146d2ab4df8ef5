"""Search: words of all messages of all contexts and their history, in a cache that can be made anew at any time."""
