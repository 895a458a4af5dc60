"""Each module of the lower layers, by a test file of its own."""
