"""The long forms of tests, for `scripts/soak`."""
