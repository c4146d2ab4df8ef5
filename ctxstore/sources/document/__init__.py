"""Sessions that are one JSON document each: an array of records. Each record keeps its exact bytes, even if it is
damaged."""
