"""Sessions that are one JSON document each: an array of records, cut at their exact bytes, damage and all."""
