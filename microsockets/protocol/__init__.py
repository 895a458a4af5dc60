"""The wire, without I/O: bytes in, values out. Nothing here knows asyncio or ASGI."""
