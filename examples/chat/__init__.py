"""A chat with rooms."""
