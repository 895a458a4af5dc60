"""The console at `/docs`."""
