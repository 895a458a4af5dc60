"""A WebSocket connection of uvicorn's (RFC 6455 and the ASGI WebSocket specification), made for many and for speed.

It stands alone: handshake, frames and time limits are ours, and nothing is made for a message but what the application
gets. An application that attaches a sink gets its messages pushed, and writes frames without a coroutine.
"""

from __future__ import annotations

import asyncio
import logging
from enum import Enum, auto
from socket import SO_SNDBUF, SOL_SOCKET, socket
from typing import Any, Final, cast

from uvicorn.config import Config
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.server import ServerState

from ..protocol import deflate, upgrade
from ..protocol.framing import (
    Opcode,
    frame_binary,
    frame_close,
    frame_deflated,
    frame_ping,
    frame_pong,
    frame_text,
)
from ..protocol.reader import FAILED, OVERSIZED, FrameReader, Item
from ..protocol.upgrade import BadRequest, Header, Request
from ..status import ABNORMAL, NO_STATUS, CloseCode
from ..types import Direct, Extension, Message, Sink, Write
from .context import context_of
from .direct import open_direct
from .inbox import Inbox
from .scope import build_scope, describe

logger = logging.getLogger("uvicorn.error")

HANDSHAKE_SECONDS: Final = 10.0
"""How long a client may take to send its request."""
CLOSE_SECONDS: Final = 5.0
"""How long the closing handshake may take, and what was written before it."""
STALL_SECONDS: Final = 20.0
"""How long a client may take nothing of what is written to it."""
_LINGER_SECONDS: Final = 2.0
"""How long a client that broke the protocol has to read why."""
_GATHER_BYTES: Final = 64 * 1024
_EARLY_BYTES: Final = 64 * 1024
"""What a client may send before it was accepted."""
_SEND_BUFFER_BYTES: Final = 128 * 1024
"""Of the kernel's: without a limit, 100 stalled readers of 4 KB messages hide 177 MB in it and slow all others down."""
_NEVER: Final = float("inf")


class State(Enum):
    """What a connection is about; from one to the next, leaving some out, but never back."""

    HEAD = auto()
    """Its request is being read."""
    CONNECTING = auto()
    """The application decides."""
    DENYING = auto()
    """The application answers with an HTTP response."""
    OPEN = auto()
    CLOSING = auto()
    """A close frame was sent, and the client's or the end is awaited."""
    CLOSED = auto()


_OPEN: Final = State.OPEN


class WebSocketProtocol(asyncio.Protocol):
    """Takes a connection over from an HTTP protocol of uvicorn's: `uvicorn app:app --ws
    microsockets.server:WebSocketProtocol`."""

    __slots__ = (
        "_alive_at",
        "_app_state",
        "_connect_given",
        "_context",
        "_data",
        "_deadline",
        "_deflate",
        "_direct",
        "_drained",
        "_heard",
        "_inbox",
        "_key",
        "_paused",
        "_pending",
        "_pinged",
        "_reader",
        "_reading",
        "_sink",
        "_stalled_at",
        "_stalled_bytes",
        "_state",
        "_task",
        "_told",
        "_transport",
        "_who",
    )

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
        self._state = State.HEAD
        self._data = b""
        self._key = b""
        self._who = ""
        self._task: asyncio.Task[None] | None = None
        self._reader: FrameReader | None = None
        self._sink: Sink | None = None
        self._inbox: Inbox | None = None
        self._deflate = False
        self._connect_given = False
        self._told: tuple[int, str] | None = None
        # Time limits, looked at by the sweep; a timer for each connection would cost more than the rest.
        self._deadline = self._context.loop.time() + HANDSHAKE_SECONDS
        self._heard = True
        self._pinged = False
        self._alive_at = 0.0
        self._reading = True
        # Writing.
        self._paused = False
        self._drained: asyncio.Future[None] | None = None
        self._stalled_at = 0.0
        self._stalled_bytes = 0
        self._pending: bytes | bytearray | None = None
        self._direct: socket | None = None

    # The transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the HTTP protocol, before the request."""
        self._transport = cast("asyncio.Transport", transport)
        context = self._context
        context.state.connections.add(self)  # type: ignore[arg-type]
        context.enter(self)

    def data_received(self, data: bytes) -> None:
        """Called with whatever has arrived."""
        self._heard = True
        if self._state is not _OPEN:
            self._receive_early(data)
            return
        assert self._reader is not None
        self._take(self._reader.feed(data))

    def _take(self, items: list[Item]) -> None:
        sink = self._sink
        assert sink is not None
        for kind, value in items:
            if self._state is not _OPEN:
                self._take_late(kind, value)
            elif kind is Opcode.TEXT:
                sink.text(value)
            elif kind is Opcode.BINARY:
                sink.binary(value)
            else:
                self._control(kind, value)
        context = self._context
        if not context.flushing:
            context.flush_soon()

    def _control(self, kind: int, value: Any) -> None:
        if kind == Opcode.PING:
            # To a client that does not read, pongs would pile up.
            if not self._paused:
                self._write(frame_pong(value))
        elif kind == Opcode.CLOSE:
            self._write(frame_close(None if value.code == NO_STATUS else value.code, value.reason))
            self._finish(value.code, value.reason)
        elif kind == OVERSIZED:
            cast("Any", self._sink).too_large(value)
        elif kind == FAILED:
            self._fail(value.code, value.reason)

    def _receive_early(self, data: bytes) -> None:
        """Data in any state but the usual one."""
        if self._state is State.HEAD:
            self._data += data
            self._read_head()
        elif self._state is State.CONNECTING:
            self._data += data
            if len(self._data) > _EARLY_BYTES and self._reading:
                self._read(False)
        elif self._reader is not None and self._told is None:
            for kind, value in self._reader.feed(data):
                self._take_late(kind, value)

    def _take_late(self, kind: int, value: Any) -> None:
        """What comes after our close frame; only the client's own still counts (RFC 6455 section 1.4)."""
        if self._told is not None:
            return
        if kind == Opcode.CLOSE:
            self._finish(value.code, value.reason)
        elif kind == FAILED:
            self._finish(ABNORMAL, "")

    def eof_received(self) -> None:
        """The client will send no more. What was written still leaves, and then the connection is lost."""
        self._deadline = min(self._deadline, self._context.loop.time() + CLOSE_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        """The end, for whatever reason."""
        context = self._context
        context.state.connections.discard(self)
        context.leave(self)
        if self._state is not State.HEAD:
            self._tell(ABNORMAL, "")
        self._state = State.CLOSED
        self._pending = self._sink = self._reader = None
        self._let_write()

    def pause_writing(self) -> None:
        """The client reads more slowly than is written."""
        self._paused = True
        self._stalled_at = self._context.loop.time()
        self._stalled_bytes = self._transport.get_write_buffer_size()
        if self._sink is not None:
            self._sink.congested(True)

    def resume_writing(self) -> None:
        """The client has caught up."""
        self._paused = False
        self._let_write()
        if self._sink is not None:
            self._sink.congested(False)

    def _let_write(self) -> None:
        drained, self._drained = self._drained, None
        if drained is not None and not drained.done():
            drained.set_result(None)

    def _read(self, yes: bool) -> None:
        self._reading = yes
        if self._transport.is_closing():
            return
        if yes:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()

    # Writing

    def _write(self, frame: bytes) -> None:
        # One system call for all that is written to a client in one turn: with four requests in flight on each of 50
        # connections, an echo costs 13 us instead of 18, and to gather a single frame 0.3 us.
        pending = self._pending
        if self._state is not _OPEN:
            # Nothing may follow a close frame (RFC 6455 section 5.5.1).
            return
        if pending is None:
            self._pending = frame
            context = self._context
            context.unflushed.append(self)
            if not context.flushing:
                context.flush_soon()
            return
        if type(pending) is bytes:
            pending = self._pending = bytearray(pending)
        pending += frame
        if len(pending) > _GATHER_BYTES:
            self.flush()

    def flush(self) -> None:
        """Hands what was written in this turn of the loop to the transport."""
        pending, self._pending = self._pending, None
        if pending is None or self._transport.is_closing():
            return
        if self._direct is not None and not self._paused:
            try:
                sent = self._direct.send(pending)
            except OSError:
                # If it is more than a full buffer, the transport will find out.
                sent = 0
            if sent == len(pending):
                return
            pending = pending[sent:]
        self._transport.write(pending)

    # Time limits

    def sweep(self, now: float) -> None:
        """Ends what has taken too long, and pings who was silent."""
        if now >= self._deadline:
            self._transport.abort()
        elif self._paused and self._is_stalled(now):
            logger.info("%s does not read: its connection is aborted", self._who)
            self._transport.abort()
        elif self._state is _OPEN:
            self._keep_alive(now)

    def _is_stalled(self, now: float) -> bool:
        waiting = self._transport.get_write_buffer_size()
        if waiting < self._stalled_bytes:
            self._stalled_at = now
        self._stalled_bytes = waiting
        return now - self._stalled_at > STALL_SECONDS

    def _keep_alive(self, now: float) -> None:
        interval, timeout = self._context.ping_interval, self._context.ping_timeout
        # Who is not read cannot be heard: a slow application is no reason to close a healthy client.
        if self._heard or not self._reading:
            self._heard = self._pinged = False
            self._alive_at = now
        elif self._pinged and timeout is not None and now - self._alive_at >= timeout:
            logger.info("%s does not answer pings: its connection is aborted", self._who)
            self._transport.abort()
        elif not self._pinged and interval is not None and now - self._alive_at >= interval:
            self._pinged = timeout is not None
            self._alive_at = now
            if not self._paused:
                self._write(frame_ping(b""))

    # The handshake

    def _read_head(self) -> None:
        head, separator, rest = self._data.partition(b"\r\n\r\n")
        if len(head) > upgrade.MAX_HEAD_BYTES:
            self.refuse(BadRequest(431, "The request is too long"))
            return
        if not separator:
            return
        try:
            request = upgrade.read_request(head)
        except BadRequest as refusal:
            self.refuse(refusal)
        else:
            self.begin(request, rest)

    def begin(self, request: Request, rest: bytes) -> None:
        """Starts the application on a request; `rest` is what the client sent behind it."""
        context = self._context
        limit = context.config.limit_concurrency
        try:
            self._key = upgrade.check_upgrade(request)
            if limit is not None and len(context.state.connections) > limit:
                raise BadRequest(503, "Too many connections")
            offers = upgrade.read_offers(request)
            self._deflate = context.config.ws_per_message_deflate and deflate.accepts(offers)
            extension: Extension = {
                "attach": self.attach,
                "direct": self.direct,
                "close": self.close,
                "deflate": self._deflate,
            }
            scope = build_scope(context, self._transport, request, self._app_state, extension)
        except BadRequest as refusal:
            self.refuse(refusal)
            return
        self._data = rest
        self._state = State.CONNECTING
        self._deadline = _NEVER
        self._who = describe(scope)
        # The application is the task: a coroutine around it would cost 300 bytes for each idle connection.
        self._task = task = context.loop.create_task(cast("Any", context.app(scope, self.receive, self.send)))
        context.state.tasks.add(task)
        task.add_done_callback(self._returned)

    def refuse(self, refusal: BadRequest) -> None:
        """Answers a request that cannot become a WebSocket."""
        logger.warning("refused a request for a WebSocket: %s", refusal)
        self._respond(refusal.status, refusal.headers, refusal.message.encode())

    def _respond(self, status: int, headers: list[Header], body: bytes) -> None:
        """A whole HTTP response instead of a WebSocket."""
        headers = [
            *self._context.state.default_headers,
            *headers,
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        self._transport.write(upgrade.encode_response(status, headers) + body)
        self._finish(ABNORMAL, "")

    def _accept(self, message: Message) -> None:
        headers = [*self._context.state.default_headers, *_headers(message)]
        extensions = deflate.RESPONSE if self._deflate else None
        head = upgrade.encode_accept(self._key, message.get("subprotocol"), extensions, headers)
        self._state = _OPEN
        self._write(head)
        logger.info("%s [accepted]", self._who)
        transport_socket = self._transport.get_extra_info("socket")
        if transport_socket is not None:
            _limit_send_buffer(transport_socket)
        self._reader = FrameReader(self._context.config.ws_max_size, deflate=self._deflate)
        if self._sink is None:
            self._sink = self._the_inbox()
        else:
            self._limit_reader(self._sink)
        if self._data:
            # Not now: whoever accepts is not ready for the first message before this call has returned.
            self._context.loop.call_soon(self._catch_up)

    def _catch_up(self) -> None:
        data, self._data = self._data, b""
        if not self._reading:
            self._read(True)
        if data and self._state is _OPEN:
            self.data_received(data)

    def _start_denial(self, message: Message) -> None:
        status = message["status"]
        if not 200 <= status < 600:
            raise RuntimeError(f"A WebSocket cannot be denied with the status {status}")
        headers = [*self._context.state.default_headers, *_headers(message)]
        if not any(name == b"connection" for name, _ in headers):
            headers.append((b"connection", b"close"))
        self._transport.write(upgrade.encode_response(status, headers))
        logger.info("%s %d", self._who, status)
        self._state = State.DENYING

    # ASGI

    async def receive(self) -> Message:
        """ASGI's `receive`. With a sink attached, only the disconnect comes."""
        if not self._connect_given:
            self._connect_given = True
            return {"type": "websocket.connect"}
        return await self._the_inbox().receive()

    def _the_inbox(self) -> Inbox:
        if self._inbox is None:
            self._inbox = Inbox(self._read)
            if self._told is not None:
                self._inbox.closed(*self._told)
        return self._inbox

    async def send(self, message: Message) -> None:
        """ASGI's `send`. Waits while the client reads too slowly. Raises `OSError` when the connection is over, and
        `RuntimeError` or `ValueError` for what the specification does not allow."""
        if self._told is not None:
            raise ClientDisconnected
        kind, state = message["type"], self._state
        if state is _OPEN and kind == "websocket.send":
            self._send(message)
        elif state is _OPEN and kind == "websocket.close":
            self.close(message.get("code") or int(CloseCode.NORMAL), message.get("reason") or "")
        elif state is State.CONNECTING and kind == "websocket.accept":
            self._accept(message)
        elif state is State.CONNECTING and kind == "websocket.close":
            logger.info("%s 403", self._who)
            self._respond(403, [], b"")
        elif state is State.CONNECTING and kind == "websocket.http.response.start":
            self._start_denial(message)
        elif state is State.DENYING and kind == "websocket.http.response.body":
            body = message.get("body", b"")
            if body:
                self._transport.write(body)
            if not message.get("more_body", False):
                self._finish(ABNORMAL, "")
        else:
            raise RuntimeError(f"ASGI message {kind!r} cannot be sent now: the WebSocket is {state.name.lower()}")
        if self._paused:
            await self._until_written()

    def _send(self, message: Message) -> None:
        data, text = message.get("bytes"), message.get("text")
        if data is not None:
            self._write(frame_binary(data))
        elif text is not None:
            encoded = text.encode()
            if self._deflate and len(encoded) >= deflate.SMALLEST:
                self._write(frame_deflated(deflate.deflate(encoded)))
            else:
                self._write(frame_text(encoded))
        else:
            raise RuntimeError("ASGI message 'websocket.send' needs 'text' or 'bytes'")

    async def _until_written(self) -> None:
        while self._paused and self._state is not State.CLOSED:
            if self._drained is None:
                self._drained = self._context.loop.create_future()
            await asyncio.shield(self._drained)

    # The extension

    def attach(self, sink: Sink) -> Write:
        """From now on messages are pushed into a sink, those first that nobody has received yet. Returns what writes
        frames; see `microsockets.types.EXTENSION`."""
        before, self._sink = self._inbox, sink
        if self._reader is not None:
            self._limit_reader(sink)
        if before is not None:
            before.hand_over(sink)
        if self._told is not None:
            sink.closed(*self._told)
        elif self._paused:
            sink.congested(True)
        return self._write

    def direct(self) -> Direct | None:
        """See `Extension`."""
        transport = self._transport
        # What uvloop was given in this turn is still with it, and must not be overtaken.
        if self._direct is None and self._state is _OPEN and not transport.get_write_buffer_size():
            self._direct = open_direct(transport)
            if self._direct is not None:
                # Told of the first byte that the kernel did not take: what is sent past the transport waits for it.
                transport.set_write_buffer_limits(high=0)
        if self._direct is None:
            return None
        return Direct(self._direct.send, self._write_rest, self._context.flush)

    def _write_rest(self, data: bytes) -> None:
        # uvloop's raises once it is closed, which it may be before we are told.
        if self._state is _OPEN and not self._transport.is_closing():
            self._transport.write(data)

    def _limit_reader(self, sink: Sink) -> None:
        limit = getattr(sink, "message_bytes", None)
        if limit is not None:
            assert self._reader is not None
            self._reader.max_size = limit
            self._reader.skips = True

    def close(self, code: int, reason: str = "", seconds: float = CLOSE_SECONDS) -> None:
        """Closes after what was written. A client that does not answer within so many seconds is dropped."""
        if self._state is not _OPEN:
            return
        self._write(frame_close(code, reason))
        self._state = State.CLOSING
        self._deadline = self._context.loop.time() + seconds
        if not self._reading:
            # The client's close frame may be behind what nobody will receive any more.
            self._read(True)

    # The end

    def drain(self, after_ms: int) -> bool:
        """The server will go. Returns whether the client was told when to leave."""
        drain = getattr(self._sink, "drain", None)
        return self._state is _OPEN and drain is not None and bool(drain(after_ms))

    def shutdown(self) -> None:
        """The server goes. A sink that can `stop()` finishes first and closes then; all others are closed with 1012."""
        if self._state is State.HEAD:
            self._transport.close()
        elif self._state is State.CONNECTING:
            self._respond(503, [], b"The server is restarting")
        elif self._state is _OPEN:
            stop = getattr(self._sink, "stop", None)
            if stop is not None:
                stop()
                return
            self.close(int(CloseCode.RESTART), "restart")
            self._tell(int(CloseCode.RESTART), "restart")

    def _fail(self, code: int, reason: str) -> None:
        """The client broke the protocol (RFC 6455 section 7.1.7)."""
        self._write(frame_close(code, reason))
        self._state = State.CLOSING
        self._tell(code, reason)
        self._linger()

    def _finish(self, code: int, reason: str) -> None:
        """All is said: the connection ends when what was written has left."""
        self._state = State.CLOSING
        self._deadline = self._context.loop.time() + CLOSE_SECONDS
        self.flush()
        self._transport.close()
        self._tell(code, reason)

    def _linger(self) -> None:
        # To close while the client still sends would reset the connection, and the close frame might be lost.
        self.flush()
        if self._transport.can_write_eof():
            self._deadline = self._context.loop.time() + _LINGER_SECONDS
            self._transport.write_eof()
            if not self._reading:
                self._read(True)
        else:
            self._deadline = self._context.loop.time() + CLOSE_SECONDS
            self._transport.close()

    def _tell(self, code: int, reason: str) -> None:
        if self._told is not None:
            return
        self._told = (code, reason)
        if self._direct is not None:
            # Before the application has heard of the end it may broadcast, and nothing may follow a close frame.
            self._direct.close()
        if self._sink is not None:
            self._sink.closed(code, reason)
        if self._inbox is not None and self._inbox is not self._sink:
            self._inbox.closed(code, reason)

    def _returned(self, task: asyncio.Task[None]) -> None:
        self._context.state.tasks.discard(task)
        self._task = None
        failure = None if task.cancelled() else task.exception()
        if failure is not None and not (isinstance(failure, ClientDisconnected) and self._told is not None):
            logger.error("Exception in ASGI application", exc_info=failure)
        if self._state is State.CONNECTING:
            if failure is None and not task.cancelled():
                logger.error("The ASGI application returned without an answer to the handshake of %s", self._who)
            self._respond(500, [], b"Internal Server Error")
        elif self._state is State.DENYING:
            self._finish(ABNORMAL, "")
        elif self._state is _OPEN:
            code = CloseCode.NORMAL if failure is None and not task.cancelled() else CloseCode.INTERNAL_ERROR
            self.close(int(code))
            self._tell(int(code), "")


def _limit_send_buffer(transport_socket: Any) -> None:
    try:
        transport_socket.setsockopt(SOL_SOCKET, SO_SNDBUF, _SEND_BUFFER_BYTES)
    except OSError as error:
        logger.debug("SO_SNDBUF: %s", error)


def _headers(message: Message) -> list[Header]:
    return [(bytes(name).lower(), bytes(value)) for name, value in message.get("headers") or ()]
