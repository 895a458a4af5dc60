"""Programs to read and run, one per folder."""
