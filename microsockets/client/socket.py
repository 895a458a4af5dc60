"""The client that users hold."""

from __future__ import annotations

import asyncio
import re
import ssl as ssl_module
from collections.abc import AsyncIterable, Awaitable, Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Concatenate, Final, Self, TypeAlias, overload

from typing_extensions import TypeVar

from ..errors import InvalidPayload, UsageError
from ..events import Ask, Event
from ..payloads import ANYTHING, Codec
from ..socket import Socket
from .declared import Call, call_of, event_of, name_of, question_of
from .delivery import Dropped
from .emitter import Unbind
from .error import MicroSocketError
from .frames import Hello, ServerFrame
from .hook import Decorator, Hook, bind_or_decorate
from .message import Message
from .questions import Handler
from .queue import QueueLimits
from .session import Session, websocket_url
from .state import End, State, StateChange
from .stream import Stream
from .transport import Target

P = TypeVar("P")
A = TypeVar("A")
T = TypeVar("T")
Q = TypeVar("Q")

_Ws: TypeAlias = Socket[Any]

Bare: TypeAlias = Callable[[Any], A] | Callable[[Any, _Ws], A]
"""A handler's method that takes no payload, or one that has a default."""

Takes: TypeAlias = Callable[Concatenate[Any, _Ws, P, ...], A] | Callable[[Any, P, _Ws], A] | Callable[[Any, P], A]
"""A handler's method that takes a payload; what comes after the socket and the payload are dependencies."""


_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")


class MicroSocket:
    """A WebSocket that sends and receives events, answers and streams, and that connects again by itself.

    `async with MicroSocket(url) as socket:` starts to connect, and closes when the block is left. What is sent while
    there is no connection waits in a bounded queue. What was in flight when a connection is lost is not sent again:
    requests and streams raise `disconnected`, since nobody knows whether the server acted on them.

    Events are named by what the server declares (`Chat.on_join`, `Chat.user_joined`, `Chat.confirm`), which gives
    their types, or by text. A socket belongs to one event loop and is not thread-safe.

    - `url`: `http` and `https` stand for `ws` and `wss`.
    - `auth`: who connects, as anything that pydantic writes as at most 4 KiB of JSON, or a function, plain or async,
      that gives it. It is asked anew before every attempt; if it raises, the attempt has failed. None is no auth.
    - `headers`: more headers of the handshake. `subprotocols`: more subprotocols to offer. `ssl`: for `wss`.
    - `plain`: for servers that select no subprotocol, those of microsockets 1.0 among them: no control frames, no auth.
    - `reconnect`: whether to connect again after a loss.
    - `queue`: what may wait for a connection; None for nothing.
    - `timeout`: seconds that a request may take, waiting in the queue included; None is no limit.

    Raises `UsageError` if the address is none, or if the options contradict each other.
    """

    on_open: Final[Hook[[]]]
    """There is a connection: the first one or a later one. What its functions send goes before the queue, which waits
    until they are through, but at most 10 s: here is where rooms are joined again. Async ones run side by side, and are
    cancelled when the connection is lost."""
    on_state: Final[Hook[[StateChange]]]
    """`state` is another one."""
    on_error: Final[Hook[[MicroSocketError, str | None]]]
    """Something failed that nobody waits for: a sent event, `auth`, an event whose payload is of another type, the
    whole connection. The second argument names the event, if it is about one. Logged where nothing is bound."""
    on_close: Final[Hook[[End]]]
    """The socket is closed for good: by `close()`, by a close code that says so, or with `reconnect=False`."""
    on_dropped: Final[Hook[[Dropped]]]
    """A message was lost, and why. A request that is lost raises as well."""

    def __init__(
        self,
        url: str,
        *,
        auth: Any = None,
        headers: Mapping[str, str] | None = None,
        subprotocols: Sequence[str] = (),
        ssl: ssl_module.SSLContext | None = None,
        plain: bool = False,
        reconnect: bool = True,
        queue: QueueLimits | None = QueueLimits(),  # noqa: B008 (frozen)
        timeout: float | None = 30.0,
    ) -> None:
        if plain and auth is not None:
            raise UsageError("MicroSocket(plain=True) sends no auth: use headers=")
        if isinstance(subprotocols, str):
            raise UsageError(f"MicroSocket(subprotocols={subprotocols!r}): give a list")
        for entry in subprotocols:
            if not _TOKEN.fullmatch(entry):
                raise UsageError(f"MicroSocket(subprotocols=[{entry!r}]): a subprotocol has letters, digits, . and -")
        self._url = websocket_url(url)
        if ssl is not None and not self._url.startswith("wss:"):
            raise UsageError("MicroSocket(ssl=...) goes with wss://")
        self._plain = plain
        self._timeout = timeout
        self._session = Session(
            Target(url=self._url, headers=dict(headers or {}), ssl=ssl, pings=plain),
            subprotocols=subprotocols,
            auth=auth,
            plain=plain,
            reconnect=reconnect,
            queue=queue,
        )
        self.on_open = Hook(self._session.on_open)
        self.on_state = Hook(self._session.on_state)
        self.on_error = Hook(self._session.on_error)
        self.on_close = Hook(self._session.on_close)
        self.on_dropped = Hook(self._session.on_dropped)

    # The connection

    @property
    def url(self) -> str:
        """Where it connects to."""
        return self._url

    @property
    def state(self) -> State:
        """What it is doing."""
        return self._session.link.state

    @property
    def hello(self) -> Hello | None:
        """What the server said first on this connection, its id among it; None while there is none, and with
        `plain`."""
        return self._session.hello

    def open(self) -> None:
        """Starts to connect, unless it has already. Entering `async with` does it."""
        self._session.link.open()

    async def ready(self) -> None:
        """Returns when there is a connection, however long that takes. Raises `MicroSocketError` `disconnected` when
        there will be none."""
        await self._session.ready()

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Closes for good; `open()` starts again.

        Requests and streams in flight raise `disconnected`, what waits in the queue is dropped, and no event is
        received any more. Returns when the server has answered, or 3 s later without it, and when the handlers that run
        are through, or are cancelled 3 s later. Raises `UsageError` for a code that is not 1000 or 3000-4999, and a
        reason of over 123 bytes.
        """
        await self._session.close(code, reason)

    async def __aenter__(self) -> Self:
        self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    # What the client sends

    @overload
    async def send(self, event: Bare[Awaitable[object]], /, *, queue: bool | None = None) -> None: ...
    @overload
    async def send(self, event: Takes[P, Awaitable[object]], payload: P, /, *, queue: bool | None = None) -> None: ...
    @overload
    async def send(self, event: str, payload: Any = ..., /, *, queue: bool | None = None) -> None: ...
    async def send(self, event: Any, payload: Any = ..., /, *, queue: bool | None = None) -> None:
        """Sends an event. While there is no connection it waits in the queue; if it is lost, `on_dropped` is told. If
        the server says that it failed, `on_error` is told.

        Returns when it is written or queued; while the server does not take what was written, it waits. `queue=False`:
        it is not worth waiting for a connection. Raises `UsageError` for a payload of another type.
        """
        call = call_of(event)
        if call.streams:
            raise UsageError(f"{call.where} answers with a stream: use stream()")
        self._session.delivery.deliver(self._message(call, payload), queue)
        await self._session.link.drained()

    @overload
    async def request(
        self, event: Bare[Awaitable[A]], /, *, timeout: float | None = ..., queue: bool | None = None
    ) -> A: ...
    @overload
    async def request(
        self, event: Takes[P, Awaitable[A]], payload: P, /, *, timeout: float | None = ..., queue: bool | None = None
    ) -> A: ...
    @overload
    async def request(
        self,
        event: str,
        payload: Any = ...,
        /,
        *,
        answer: type[A],
        timeout: float | None = ...,
        queue: bool | None = None,
    ) -> A: ...
    @overload
    async def request(
        self,
        event: str,
        payload: Any = ...,
        /,
        *,
        answer: Any = ...,
        timeout: float | None = ...,
        queue: bool | None = None,
    ) -> Any: ...
    async def request(
        self,
        event: Any,
        payload: Any = ...,
        /,
        *,
        answer: Any = Any,
        timeout: Any = ...,
        queue: bool | None = None,
    ) -> Any:
        """Sends an event and returns its answer.

        `timeout` is in seconds and None is no limit; when it is over, and when the task is cancelled, the handler on
        the server is cancelled, too. Raises `MicroSocketError`: what the server answers, or `timeout`, `disconnected`
        (the server may have acted on the event or not), `overloaded` (the queue is full), `too_large`, or
        `invalid_answer`. Raises `UsageError` for a payload of another type.
        """
        call = call_of(event, answer)
        if call.streams:
            raise UsageError(f"{call.where} answers with a stream: use stream()")
        waiting = _Waiting(asyncio.get_running_loop().create_future())
        message = self._message(call, payload, waiting)
        delivery = self._session.delivery
        delivery.deliver(message, queue)
        seconds = self._timeout if timeout is ... else timeout
        limit = asyncio.timeout(seconds)
        try:
            async with limit:
                frame = await waiting.future
        except TimeoutError:
            delivery.withdraw(message)
            raise MicroSocketError("timeout", f"No answer within {seconds:g} s") from None
        except asyncio.CancelledError:
            delivery.withdraw(message)
            raise
        if not frame.has_payload:
            if frame.has_item:
                delivery.withdraw(message)
            raise MicroSocketError("bad_frame", "This event answers with a stream: use stream()")
        return _decode_answer(call.answer, frame.data)

    @overload
    def stream(self, event: Bare[AsyncIterable[A]], /, *, queue: bool | None = None) -> Stream[A]: ...
    @overload
    def stream(self, event: Takes[P, AsyncIterable[A]], payload: P, /, *, queue: bool | None = None) -> Stream[A]: ...
    @overload
    def stream(self, event: str, payload: Any = ..., /, *, item: type[A], queue: bool | None = None) -> Stream[A]: ...
    @overload
    def stream(
        self, event: str, payload: Any = ..., /, *, item: Any = ..., queue: bool | None = None
    ) -> Stream[Any]: ...
    def stream(self, event: Any, payload: Any = ..., /, *, item: Any = Any, queue: bool | None = None) -> Stream[Any]:
        """Sends an event and reads its answer item by item, once: `async for item in socket.stream(...)`.

        See `Stream` for when it is sent and cancelled, and what it raises. It has no time limit. Raises `UsageError`
        for a payload of another type.
        """
        call = call_of(event, item)
        if call.streams is False:
            raise UsageError(f"{call.where} has one answer: use request()")
        delivery = self._session.delivery

        def send() -> None:
            delivery.deliver(message, queue)

        def cancel() -> None:
            delivery.withdraw(message)

        stream: Stream[Any] = Stream(call.answer, send, cancel)
        message = self._message(call, payload, stream.feed)
        return stream

    def _message(self, call: Call, payload: Any, reply: Any = None) -> Message:
        data = call.encode(payload)
        # 1.0 sends "" for no payload, and its servers want one.
        return Message(call.name, payload, b'""' if data is None and self._plain else data, reply)

    # What the server sends

    @overload
    def on(self, event: Event[T], handler: Callable[[T], object], /) -> Unbind: ...
    @overload
    def on(self, event: Event[T], /) -> Decorator[T]: ...
    @overload
    def on(self, event: str, handler: Callable[[T], object], /, *, type: type[T]) -> Unbind: ...
    @overload
    def on(self, event: str, handler: Callable[[Any], object], /, *, type: Any = ...) -> Unbind: ...
    @overload
    def on(self, event: str, /, *, type: type[T]) -> Decorator[T]: ...
    @overload
    def on(self, event: str, /, *, type: Any = ...) -> Decorator[Any]: ...
    def on(self, event: Any, handler: Any = None, /, *, type: Any = Any) -> Any:
        """Calls a handler with the payload of each such event, None where there is none. Returns what unbinds it;
        without a handler, it is a decorator.

        Handlers may be plain or async. Plain ones are called as events come; the calls of an async one run one at a
        time, in order, and one that is 1,000 events behind misses those that come then (`on_error` is told
        `overloaded`). What a handler raises is logged and disturbs nothing else. A payload of another type is told to
        `on_error` as `invalid_payload`. Control events reach no handler.
        """
        return self._bind(event, handler, type, once=False)

    @overload
    def once(self, event: Event[T], handler: Callable[[T], object], /) -> Unbind: ...
    @overload
    def once(self, event: Event[T], /) -> Decorator[T]: ...
    @overload
    def once(self, event: str, handler: Callable[[T], object], /, *, type: type[T]) -> Unbind: ...
    @overload
    def once(self, event: str, handler: Callable[[Any], object], /, *, type: Any = ...) -> Unbind: ...
    @overload
    def once(self, event: str, /, *, type: type[T]) -> Decorator[T]: ...
    @overload
    def once(self, event: str, /, *, type: Any = ...) -> Decorator[Any]: ...
    def once(self, event: Any, handler: Any = None, /, *, type: Any = Any) -> Any:
        """Like `on`, for the next such event only."""
        return self._bind(event, handler, type, once=True)

    def _bind(self, event: Any, handler: Any, type_: Any, *, once: bool) -> Any:
        name, codec = event_of(event, type_)
        return bind_or_decorate(lambda function: self._session.bind(name, codec, function, once), handler)

    def on_any(self, handler: Callable[[str, Any], object], /) -> Unbind:
        """Calls a handler with the name and the JSON payload of every event. Returns what unbinds it."""
        return self._session.bind_any(ANYTHING, handler)

    def off(self, event: Event[Any] | str, handler: Callable[..., object] | None = None, /) -> None:
        """Unbinds a handler of an event, or all of them."""
        self._session.unbind(name_of(event), handler)

    @overload
    def handle(self, event: Ask[Q, A], handler: Callable[[Q], A | Awaitable[A]], /) -> Unbind: ...
    @overload
    def handle(
        self, event: str, handler: Callable[[Q], A | Awaitable[A]], /, *, type: type[Q], answer: type[A]
    ) -> Unbind: ...
    @overload
    def handle(
        self, event: str, handler: Callable[[Any], object], /, *, type: Any = ..., answer: Any = ...
    ) -> Unbind: ...
    def handle(self, event: Any, handler: Callable[[Any], Any], /, *, type: Any = Any, answer: Any = Any) -> Unbind:
        """Answers a question of the server with what the handler returns; async handlers run side by side. Returns what
        unbinds it.

        A `MicroSocketError` that it raises, or a `microsockets.Error`, is the answer; anything else is logged, and the
        server gets `internal_error`. A question has one handler: the last one bound. Beyond 256 unanswered questions,
        the server is answered `overloaded`.
        """
        name, question, answers = question_of(event, type, answer)
        return self._session.questions.bind(name, Handler(handler, question, answers))


class _Waiting:
    """Waits for the answer to a request."""

    streams = False

    def __init__(self, future: asyncio.Future[ServerFrame]) -> None:
        self.future = future

    def receive(self, frame: ServerFrame) -> None:
        if not self.future.done():
            self.future.set_result(frame)

    def fail(self, error: MicroSocketError) -> None:
        if not self.future.done():
            self.future.set_exception(error)


def _decode_answer(codec: Codec[Any], data: bytes) -> Any:
    try:
        return codec.decode(data)
    except InvalidPayload as error:
        raise MicroSocketError("invalid_answer", f"The answer is no {codec.name}", error.details) from None
