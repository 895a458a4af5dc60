"""A server layer for uvicorn: the protocol classes that `microsockets run` uses."""

from .http import HttpProtocol
from .websocket import WebSocketProtocol

__all__ = ["HttpProtocol", "WebSocketProtocol"]
