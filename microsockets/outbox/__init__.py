"""Frames on their way out: one bounded outbox per socket.

No recipient waits for another. Putting a frame into an outbox is synchronous; what a reader is too slow for waits in
its own outbox, within limits.
"""

from .asgi import AsgiOutbox, Writers
from .direct import DirectOutbox
from .queue import Outbox, OutFrame

__all__ = ["AsgiOutbox", "DirectOutbox", "OutFrame", "Outbox", "Writers"]
