"""Objects: values that are stored once and named by the hash of their bytes. Encoding, chunking, reading, writing."""
