"""From the `on_*` methods of a class to routes: collected once when the class is created, built once at start-up."""

from __future__ import annotations

import collections.abc
import inspect
import types
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from typing import Any, Final, Never, NoReturn, get_args, get_origin

from .checks import Checks
from .dependencies import Resolver
from .errors import BadFrame, ConfigurationError, Error, InvalidPayload
from .events import LIFECYCLE, Ask, Event, HandlerOptions, check_event_name, options_of
from .middleware import Call, Chain, ValidatePayload
from .middleware.chain import Next
from .payloads import ANYTHING, Codec
from .protocol.frames import check_numbers
from .signatures import CALL, MISSING, PAYLOAD, SOCKET, Signature, Source, read_signature

PREFIX: Final = "on_"
HANDLER_ROLES: Final = frozenset({SOCKET, PAYLOAD})
_NO_OPTIONS: Final = HandlerOptions()
_STREAM_TYPES: Final = (
    collections.abc.AsyncIterator,
    collections.abc.AsyncGenerator,
    collections.abc.AsyncIterable,
)

SendItem = Callable[[Call, bytes], Awaitable[None]]
"""Sends one encoded item of a stream, waiting for room."""


@dataclass(slots=True)
class Handler:
    """One `on_*` method, as its class declares it. The types are read by `resolve`."""

    event: str
    function: Callable[..., Any]
    where: str
    options: HandlerOptions
    streams: bool
    signature: Signature | None = None
    payload: Codec[Any] = ANYTHING
    result: Codec[Any] = ANYTHING

    @property
    def resolved(self) -> bool:
        """Whether the types are known."""
        return self.signature is not None

    @property
    def takes_payload(self) -> bool:
        """Whether it has a parameter for the payload."""
        return self.signature is not None and self.signature.payload_name is not None

    @property
    def payload_is_optional(self) -> bool:
        """Whether that parameter has a default."""
        return self.signature is not None and self.signature.payload_default is not MISSING

    def resolve(self, locals_: Mapping[str, Any]) -> None:
        """Reads parameters and types. Raises `NameError` if an annotation names something that does not exist yet."""
        signature = read_signature(self.function, roles=HANDLER_ROLES, where=self.where, bound=True, locals_=locals_)
        self.payload = Codec(signature.payload_type)
        if signature.returns not in (MISSING, NoReturn, Never):
            self.result = Codec(self._item_type(signature.returns) if self.streams else signature.returns)
        self.signature = signature

    def _item_type(self, returns: Any) -> Any:
        if (get_origin(returns) or returns) not in _STREAM_TYPES:
            raise ConfigurationError(f"{self.where} yields items: annotate it as -> AsyncIterator[Item]")
        arguments = get_args(returns)
        return arguments[0] if arguments else Any


def collect(cls: type) -> dict[str, Handler]:
    """The handlers of a class by event name. Of several in the MRO the most derived counts.

    Raises `ConfigurationError` for what cannot be a handler.
    """
    attributes: dict[str, tuple[Any, HandlerOptions | None]] = {}
    for base in reversed(cls.__mro__):
        for attribute, value in vars(base).items():
            options = options_of(value)
            if attribute in attributes and options is None:
                options = attributes[attribute][1]
            if options is None and not attribute.startswith(PREFIX):
                continue
            attributes.pop(attribute, None)
            attributes[attribute] = (value, options)
    found: dict[str, tuple[str, Handler]] = {}
    for attribute, (value, options) in attributes.items():
        if value is None or isinstance(value, Event | Ask):
            continue
        if attribute in _LIFECYCLE_METHODS:
            if options is not None:
                raise ConfigurationError(f"{cls.__qualname__}.{attribute} is no handler: take @on(...) away")
            continue
        handler = _handler(cls, attribute, value, options or _NO_OPTIONS)
        other = found.get(handler.event)
        if other is not None and _owner(cls, other[0]) is _owner(cls, attribute):
            raise ConfigurationError(f"{handler.where}: {other[0]} handles {handler.event!r} already; keep one of them")
        found[handler.event] = (attribute, handler)
    return {event: handler for event, (_, handler) in found.items()}


_LIFECYCLE_METHODS = frozenset(PREFIX + name for name in LIFECYCLE)


def _owner(cls: type, attribute: str) -> type:
    return next(base for base in cls.__mro__ if attribute in vars(base))


def _handler(cls: type, attribute: str, value: Any, options: HandlerOptions) -> Handler:
    where = f"{cls.__qualname__}.{attribute}"
    if options.name is None and not attribute.startswith(PREFIX):
        raise ConfigurationError(f'{where}: name the event, @on("{attribute}"), or call the method on_{attribute}')
    event = check_event_name(options.name or attribute.removeprefix(PREFIX), where)
    if event in LIFECYCLE:
        raise ConfigurationError(
            f"{where}: {event!r} is a part of the connection's life and no event; choose another name"
        )
    streams = inspect.isasyncgenfunction(value)
    if not streams and not inspect.iscoroutinefunction(value):
        if isinstance(value, types.FunctionType):
            raise ConfigurationError(
                f"{where} is a plain function: write async def, and await asyncio.to_thread(...) for what blocks"
            )
        raise ConfigurationError(f"{where} is no method: write async def {attribute}(self, ws: Socket)")
    return Handler(event, value, where, options, streams)


class Route:
    """One event of one running namespace: everything that can be decided before the first message."""

    __slots__ = (
        "_absent",
        "_checks",
        "_decode",
        "_run",
        "_takes_payload",
        "concurrent",
        "event",
        "handler",
        "raises",
        "seconds",
        "streams",
    )

    def __init__(
        self,
        handler: Handler,
        namespace: object,
        *,
        chain: Chain,
        resolver: Resolver,
        seconds: float,
        checks: Checks,
        send_item: SendItem,
    ) -> None:
        signature = handler.signature
        assert signature is not None
        for depends in signature.dependencies:
            resolver.check(depends)
        self.handler = handler
        self.event = handler.event
        self.streams = handler.streams
        self.concurrent = handler.options.concurrent
        self.raises = (*handler.options.raises, *_FRAMEWORK_ERRORS)
        # A stream may be meant to last, so only a time limit of its own ends it.
        self.seconds = handler.options.timeout or (float("inf") if handler.streams else seconds)
        self._checks = checks
        self._takes_payload = handler.takes_payload
        self._absent = signature.payload_default
        self._decode = handler.payload.decode
        endpoint = _endpoint(handler.function.__get__(namespace), signature, resolver)
        if handler.streams:
            endpoint = _streaming(endpoint, self.encode, send_item)
        chain = with_validation(chain.then(handler.options.middleware), handler.where)
        self._run = chain.around("event", endpoint)

    def run(self, call: Call, /) -> Awaitable[Any]:
        """Runs the chain and the handler in it."""
        return self._run(call)

    def encode(self, result: Any) -> bytes:
        """The JSON of an answer or an item. Raises `InvalidValue`."""
        codec = self.handler.result
        return codec.encode_strictly(result) if self._checks.strict else codec.encode(result)

    def read_payload(self, call: Call) -> Any:
        """The validated payload of a call; None if the handler takes none. Raises `InvalidPayload` or `BadFrame`."""
        if not self._takes_payload:
            return None
        raw = call.raw
        if raw:
            check_numbers(raw)
            try:
                return self._decode(raw)
            except InvalidPayload:
                # 1.0's client sends "" when it has no payload.
                if raw != b'""' or call.socket.protocol != "plain":
                    raise
        if self._absent is MISSING:
            raise InvalidPayload(
                "This event needs a payload", details=[{"loc": [], "msg": "Field required", "type": "missing"}]
            )
        return self._absent


_FRAMEWORK_ERRORS = tuple(cls for cls in Error.__subclasses__() if cls.__module__ == Error.__module__)


def with_validation(chain: Chain, where: str) -> Chain:
    """The chain with `ValidatePayload` last, unless it is listed. Listed twice raises `ConfigurationError`."""
    count = sum(isinstance(each, ValidatePayload) for each in chain.middlewares)
    if count > 1:
        raise ConfigurationError(f"{where}: ValidatePayload is listed {count} times in its chain; keep one")
    return chain if count else chain.then([ValidatePayload()])


def _endpoint(method: Callable[..., Any], signature: Signature, resolver: Resolver) -> Callable[[Call], Any]:
    sources = tuple(source for _, source in signature.arguments)
    if all(name is None for name, _ in signature.arguments):
        # The common shapes cost one call; anything else builds its arguments.
        if sources == (SOCKET, PAYLOAD):
            return lambda call: method(call.socket, call.payload)
        if sources == (PAYLOAD, SOCKET):
            return lambda call: method(call.payload, call.socket)
        if sources == (SOCKET,):
            return lambda call: method(call.socket)
        if sources == (PAYLOAD,):
            return lambda call: method(call.payload)
        if not sources:
            return lambda call: method()
    return _general_endpoint(method, signature.arguments, resolver, inspect.isasyncgenfunction(method))


def _general_endpoint(
    method: Callable[..., Any], arguments: tuple[tuple[str | None, Source], ...], resolver: Resolver, streams: bool
) -> Callable[[Call], Any]:
    async def fill(call: Call) -> tuple[list[Any], dict[str, Any]]:
        return await fill_arguments(arguments, call.socket, call, resolver, call.payload)

    if streams:

        async def stream(call: Call) -> Any:
            positional, named = await fill(call)
            async with aclosing(method(*positional, **named)) as items:
                async for item in items:
                    yield item

        return stream

    async def run(call: Call) -> Any:
        positional, named = await fill(call)
        return await method(*positional, **named)

    return run


async def fill_arguments(
    arguments: tuple[tuple[str | None, Source], ...], socket: Any, call: Any, resolver: Resolver, payload: Any
) -> tuple[list[Any], dict[str, Any]]:
    """The arguments of one call, its dependencies made; `call.exits` closes them."""
    positional: list[Any] = []
    named: dict[str, Any] = {}
    made: dict[Callable[..., Any], Any] = {}
    for name, source in arguments:
        if source is SOCKET:
            value = socket
        elif source is PAYLOAD:
            value = payload
        elif source is CALL:
            value = call
        else:
            assert not isinstance(source, type(SOCKET))
            if call.exits is None:
                call.exits = AsyncExitStack()
            value = await resolver.resolve(source, socket, call, made, call.exits)
        if name is None:
            positional.append(value)
        else:
            named[name] = value
    return positional, named


def _streaming(start: Callable[[Call], Any], encode: Callable[[Any], bytes], send_item: SendItem) -> Next:
    async def run(call: Call) -> None:
        if not call.wants_answer:
            raise BadFrame("This event answers with a stream: send it with an id")
        async with aclosing(start(call)) as items:
            async for item in items:
                await send_item(call, encode(item))

    return run
