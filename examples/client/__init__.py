"""A client in Python: a server's classes, and programs that talk to it."""
