"""The chat in several processes, behind one address."""
