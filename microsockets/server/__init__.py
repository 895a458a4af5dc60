"""A server layer for uvicorn: the protocol classes and the server that `microsockets run` uses."""

from .http import HttpProtocol
from .serve import Config, Server, run
from .websocket import WebSocketProtocol

__all__ = ["Config", "HttpProtocol", "Server", "WebSocketProtocol", "run"]
