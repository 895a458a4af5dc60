"""A client for asyncio: requests, streams and questions, typed by what the server declares, on a connection that comes
back by itself."""

from .delivery import Dropped
from .error import MicroSocketError
from .frames import Hello
from .hook import Hook
from .queue import DropReason, QueueLimits
from .socket import MicroSocket
from .state import End, State, StateChange
from .stream import Stream

__all__ = [
    "DropReason",
    "Dropped",
    "End",
    "Hello",
    "Hook",
    "MicroSocket",
    "MicroSocketError",
    "QueueLimits",
    "State",
    "StateChange",
    "Stream",
]
