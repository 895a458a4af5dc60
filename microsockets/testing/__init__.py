"""Talking to an application in a test: in process, no sockets, no threads, every wait with a time-out."""

from .client import Client
from .peer import Peer, Refused, RequestFailed

__all__ = ["Client", "Peer", "Refused", "RequestFailed"]
