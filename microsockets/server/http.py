"""HTTP for uvicorn: a request for a WebSocket goes straight to its protocol, everything else to uvicorn's own class."""

from __future__ import annotations

import asyncio
from typing import Any, Final, cast

from uvicorn.config import Config
from uvicorn.protocols.http.auto import AutoHTTPProtocol
from uvicorn.server import ServerState

from ..protocol.upgrade import MAX_HEAD_BYTES, BadRequest, read_request
from .context import context_of
from .websocket import HANDSHAKE_SECONDS, WebSocketProtocol

_END: Final = b"\r\n\r\n"


class HttpProtocol(asyncio.Protocol):
    """Reads the head of a connection's first request, for which the client has 10 s.

    If it asks for a WebSocket it is read once, where uvicorn reads it, writes it down again and has it read again. Use
    it together with our WebSocket class: `uvicorn.Config(app, http=HttpProtocol, ws=WebSocketProtocol)`.
    """

    __slots__ = ("_app_state", "_context", "_data", "_deadline", "_transport")

    _transport: asyncio.Transport

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        if not config.loaded:
            config.load()
        self._context = context_of(config, server_state, _loop or asyncio.get_running_loop())
        self._app_state = app_state
        self._data = b""
        self._deadline = self._context.loop.time() + HANDSHAKE_SECONDS

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has connected."""
        self._transport = cast("asyncio.Transport", transport)
        self._context.state.connections.add(self)  # type: ignore[arg-type]
        self._context.enter(self)

    def data_received(self, data: bytes) -> None:
        """Called with whatever has arrived, until the head is there."""
        self._data = data = self._data + data if self._data else data
        end = data.find(_END)
        if end < 0:
            if len(data) > MAX_HEAD_BYTES:
                self._hand_on()
            return
        if self._context.config.ws_protocol_class is not WebSocketProtocol:
            self._hand_on()
            return
        try:
            request = read_request(data[:end])
        except BadRequest:
            self._hand_on()
            return
        if not request.is_upgrade:
            self._hand_on()
            return
        self._leave()
        protocol = WebSocketProtocol(self._context.config, self._context.state, self._app_state, self._context.loop)
        protocol.connection_made(self._transport)
        self._transport.set_protocol(protocol)
        protocol.begin(request, data[end + len(_END) :])

    def _hand_on(self) -> None:
        """Everything else is uvicorn's, bad requests among it."""
        self._leave()
        protocol = cast("Any", AutoHTTPProtocol)(
            config=self._context.config,
            server_state=self._context.state,
            app_state=self._app_state,
            _loop=self._context.loop,
        )
        protocol.connection_made(self._transport)
        self._transport.set_protocol(protocol)
        protocol.data_received(self._data)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client left before its request was complete."""
        self._leave()

    def shutdown(self) -> None:
        """The server goes."""
        self._transport.close()

    def sweep(self, now: float) -> None:
        """Drops a client that takes too long."""
        if now >= self._deadline:
            self._transport.abort()

    def flush(self) -> None:
        """Nothing is written here."""

    def _leave(self) -> None:
        self._context.state.connections.discard(self)
        self._context.leave(self)
