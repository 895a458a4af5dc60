"""The asyncio client, against real servers and against servers that do what a test says."""
