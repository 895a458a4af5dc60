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
        if end > MAX_HEAD_BYTES or (end < 0 and len(data) > MAX_HEAD_BYTES):
            self._take_on().refuse(BadRequest(431, "The request is too long"))
        elif end >= 0:
            self._sort(data[:end], data[end + len(_END) :])

    def _sort(self, head: bytes, rest: bytes) -> None:
        try:
            request = read_request(head)
        except BadRequest as refusal:
            # uvicorn's class is no stricter: what it lets through would come back as another request than it was.
            if b"websocket" in head.lower():
                self._take_on().refuse(refusal)
            else:
                self._hand_on()
            return
        if request.is_upgrade and self._context.config.ws_protocol_class is WebSocketProtocol:
            self._take_on().begin(request, rest)
        else:
            self._hand_on()

    def _take_on(self) -> WebSocketProtocol:
        self._leave()
        protocol = WebSocketProtocol(self._context.config, self._context.state, self._app_state, self._context.loop)
        protocol.connection_made(self._transport)
        self._transport.set_protocol(protocol)
        return protocol

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
