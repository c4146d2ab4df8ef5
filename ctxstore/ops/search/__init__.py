"""Search for words in the messages of all contexts and their history, by an index that can be rebuilt at any time."""
