"""The class users subclass, and what ties its declared events to a running application."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import Any, ClassVar, Final, Generic, Literal, get_args
from typing import TypeVar as TypeVariable

from typing_extensions import TypeVar

from .checks import Checks
from .errors import AskError, BadFrame, ConfigurationError, InvalidPayload, UsageError
from .events import Ask, Event
from .handlers import HANDLER_ROLES, Handler, collect
from .hints import caller_locals
from .limits import Limits
from .middleware import Chain, EmitCall
from .outbox import OutFrame
from .paths import Path
from .payloads import ANYTHING, Codec
from .place import aside
from .protocol.frames import ErrorObject, check_numbers, encode_question, event_head
from .rooms import Recipients
from .signatures import SOCKET, Role, Signature, read_signature
from .socket import Socket
from .targets import Targets, target_key

T = TypeVar("T")
Q = TypeVar("Q")
A = TypeVar("A")


class NamespaceRooms:
    """The rooms of one namespace."""

    def __init__(self, recipients: Recipients) -> None:
        self._recipients = recipients

    async def members(self, room: Targets) -> list[Socket[Any]]:
        """The sockets in a room, in the order in which they joined; also of `user(id)`, `ALL`, or a list."""
        return list(await self._recipients.select(room, None))

    async def count(self, room: Targets) -> int:
        """How many sockets are in a room; also of `user(id)`, `ALL`, or a list, where each counts once."""
        return len(await self._recipients.select(room, None))


class Declared:
    """What a namespace class declares, read once."""

    def __init__(self, cls: type[Namespace]) -> None:
        self.cls = cls
        bases = [vars(base).get("declared") for base in cls.__mro__[1:]]
        self._inherited = [declared for declared in bases if isinstance(declared, Declared)]
        self.handlers: dict[str, Handler] = _reuse(collect(cls), self._inherited)
        self.events: dict[str, Event[Any]] = {}
        self.asks: dict[str, Ask[Any, Any]] = {}
        self.connect: Signature | None = None
        self.disconnect: Signature | None = None
        self._missing: NameError | None = None
        for base in reversed(cls.__mro__):
            for value in vars(base).values():
                if isinstance(value, Event | Ask):
                    self._add(value)  # pyright: ignore[reportUnknownArgumentType]

    def _add(self, declaration: Event[Any] | Ask[Any, Any]) -> None:
        if getattr(self.cls, declaration.attribute, None) is not declaration:
            return
        other = self.events.get(declaration.name) or self.asks.get(declaration.name)
        if other is not None and other is not declaration:
            raise ConfigurationError(
                f"{self.cls.__qualname__}: {other.attribute} and {declaration.attribute} have one name, "
                f"{declaration.name!r}; rename one of them"
            )
        if isinstance(declaration, Event):
            self.events[declaration.name] = declaration
        else:
            self.asks[declaration.name] = declaration

    def resolve(self, locals_: dict[str, Any]) -> None:
        """Reads all types. A name that is missing is remembered, for another try at start-up."""
        self._missing = None
        names = {**vars(self.cls), **locals_}
        declarations: list[Handler | Event[Any] | Ask[Any, Any]] = [
            *self.handlers.values(),
            *self.events.values(),
            *self.asks.values(),
        ]
        steps: list[Callable[[dict[str, Any]], None]] = [each.resolve for each in declarations if not each.resolved]
        for step in (*steps, self._resolve_lifecycle):
            try:
                step(names)
            except NameError as error:
                self._missing = error

    def _resolve_lifecycle(self, names: dict[str, Any]) -> None:
        self.connect = self._inherited_lifecycle("connect") or self._read("on_connect", HANDLER_ROLES, names)
        self.disconnect = self._inherited_lifecycle("disconnect") or self._read(
            "on_disconnect", frozenset({SOCKET}), names
        )

    def _inherited_lifecycle(self, name: Literal["connect", "disconnect"]) -> Signature | None:
        # Read with the names of where it was written, which may not exist here.
        method = getattr(self.cls, f"on_{name}", None)
        same = (getattr(each, name) for each in self._inherited if getattr(each.cls, f"on_{name}", None) is method)
        return next(same, None)

    def _read(self, method: str, roles: frozenset[Role], names: dict[str, Any]) -> Signature | None:
        function = getattr(self.cls, method, None)
        if function is None:
            return None
        where = f"{self.cls.__qualname__}.{method}"
        if not inspect.iscoroutinefunction(function):
            raise ConfigurationError(f"{where}: write async def {method}(self, ws: Socket)")
        return read_signature(function, roles=roles, where=where, bound=True, locals_=names)

    def complete(self, locals_: dict[str, Any]) -> None:
        """The other try. Raises `ConfigurationError` for a name that is still missing."""
        if self._missing is not None:
            self.resolve(locals_)
        if self._missing is not None:
            name = self._missing.name or str(self._missing)
            raise ConfigurationError(
                f"{self.cls.__qualname__}: the name {name!r} in an annotation is not defined; "
                f"define or import it (outside of TYPE_CHECKING) before Application(...)"
            )
        for what, codec in self._codecs():
            variable = _open_variable(codec.annotation)
            if variable is not None:
                raise ConfigurationError(
                    f"{self.cls.__qualname__}: nothing says what {variable} is in {what}; declare it again in "
                    f"{self.cls.__qualname__}, with a type"
                )

    def _codecs(self) -> Iterator[tuple[str, Codec[Any]]]:
        for handler in self.handlers.values():
            yield handler.where, handler.payload
            yield handler.where, handler.result
        for event in self.events.values():
            yield event.attribute, event.codec
        for ask in self.asks.values():
            yield ask.attribute, ask.question
            yield ask.attribute, ask.answer


def _open_variable(annotation: Any) -> Any:
    """A type variable in a type that nothing fills, so that anything would pass for it; None if there is none."""
    if isinstance(annotation, TypeVariable):
        return None if annotation.__bound__ or annotation.__constraints__ else annotation
    return next((found for part in get_args(annotation) if (found := _open_variable(part)) is not None), None)


def _reuse(collected: dict[str, Handler], inherited: list[Declared]) -> dict[str, Handler]:
    # An inherited handler was read with the names of where it was written, which may not exist here.
    known = {
        (event, handler.function): handler
        for declared in reversed(inherited)
        for event, handler in declared.handlers.items()
    }
    reused: dict[str, Handler] = {}
    for event, handler in collected.items():
        found = known.get((event, handler.function), handler)
        reused[event] = found if found.options == handler.options else handler
    return reused


class Namespace:
    """The events of one path: `class Chat(Namespace, path="/chat")`.

    Each `async def on_<event>(self, ws, payload)` handles an event; `Event[T]()` and `Ask[Q, A]()` attributes are what
    the server sends. `on_connect(self, ws, params)` and `on_disconnect(self, ws)` are the connection's life. There is
    one instance per application, shared by all connections: what belongs to one of them goes into `ws.session`.

    `middleware`: this namespace's members of the chain. `origins` and `limits` replace the application's.
    """

    path: ClassVar[Path | None] = None
    middleware: ClassVar[Sequence[Any]] = ()
    origins: ClassVar[Sequence[str] | str | None] = None
    limits: ClassVar[Limits | None] = None
    declared: ClassVar[Declared]

    rooms: NamespaceRooms
    """The rooms of this namespace; there once it belongs to an application."""
    app: Any
    """The application."""

    def __init_subclass__(cls, path: str | None = None, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if path is not None:
            cls.path = Path(path, cls.__qualname__)
        elif not isinstance(cls.path, Path | None):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError(f"{cls.__qualname__}: write class {cls.__name__}(Namespace, path={cls.path!r})")
        for reserved in sorted(_RESERVED & vars(cls).keys()):
            raise ConfigurationError(f"{cls.__qualname__}.{reserved}: this name is the framework's; choose another")
        cls.declared = Declared(cls)
        cls.declared.resolve(caller_locals())

    def bind(self, app: Any, recipients: Recipients) -> None:
        """Makes the instance an application's."""
        self.app = app
        self.rooms = NamespaceRooms(recipients)


_RESERVED = frozenset({"app", "bind", "declared", "rooms"})


_LET_WRITE: Final = 16
_LET_WRITE_BYTES: Final = 64 * 1024
"""Sends and bytes after which the writers get a turn: a loop of sends must not overflow healthy readers or block the
event loop."""


class Hub:
    """One namespace of a running application: what its sockets and its declared events send goes through here."""

    def __init__(
        self,
        namespace: Namespace | None,
        recipients: Recipients,
        *,
        chain: Chain,
        checks: Checks,
    ) -> None:
        self.recipients = recipients
        self._namespace = namespace
        self._checks = checks
        self._unwritten = self._unwritten_bytes = 0
        self._events: dict[str, Event[Any]] = {}
        self._asks: dict[str, Ask[Any, Any]] = {}
        self._run_emit = chain.around("emit", self._emit_call) if chain.members("emit") else None
        if namespace is not None:
            self._events = namespace.declared.events
            self._asks = namespace.declared.asks
            for event in self._events.values():
                namespace.__dict__[event.attribute] = _Bound(self, event)
            for ask in self._asks.values():
                namespace.__dict__[ask.attribute] = _BoundAsk(self, ask)

    async def broadcast(self, event: Event[T], payload: T, to: Targets, skip: Targets | None) -> None:
        """Sends a declared event; see `BoundEvent.broadcast`."""
        if self._run_emit is not None:
            await self._run_emit(EmitCall(self._namespace, event.name, payload, to, skip))
        else:
            await self._send(event, payload, to, skip)

    async def emit(self, socket: Socket[Any], event: str, payload: Any) -> None:
        """Sends an event by name to one socket; see `Socket.emit`."""
        await self.broadcast_named(event, payload, socket, None)

    def no_payload(self, event: str) -> Any:
        """What stands for a payload that was not given: None for a declared event, `""` as in 1.0 for any other."""
        return None if event in self._events else ""

    async def broadcast_named(self, event: str, payload: Any, to: Targets, skip: Targets | None) -> None:
        """Sends an event by name; one that is declared is validated."""
        if self._run_emit is not None:
            await self._run_emit(EmitCall(self._namespace, event, payload, to, skip))
            return
        await self._send_named(event, payload, to, skip)

    async def _emit_call(self, call: EmitCall) -> None:
        await self._send_named(call.event, call.payload, call.to, call.skip)

    async def _send_named(self, name: str, payload: Any, to: Targets, skip: Targets | None) -> None:
        event = self._events.get(name)
        if event is not None:
            await self._send(event, payload, to, skip)
            return
        if name.startswith("$"):
            raise UsageError(f"event {name!r}: names with $ are kept for control frames; choose another")
        if name in self._asks:
            raise UsageError(f"{name!r} is a question: await self.{self._asks[name].attribute}.ask(ws, question)")
        await self._deliver(event_head(name) + ANYTHING.encode(payload) + b"}", None, to, skip)

    async def _send(self, event: Event[Any], payload: Any, to: Targets, skip: Targets | None) -> None:
        codec = event.codec
        slot = None
        if event.policy is not None:
            payload = codec.coerce(payload)
            if isinstance(to, Iterator):
                to = list(to)
            # What goes to one room does not replace what went to another.
            slot = (event.name, target_key(to), event.policy.key(payload))
        encoded = codec.encode_strictly(payload) if self._checks.strict else codec.encode(payload)
        await self._deliver(event.head + encoded + b"}", slot, to, skip)

    async def _deliver(self, data: bytes, slot: Any, to: Targets, skip: Targets | None) -> None:
        sockets = await self.recipients.select(to, skip)
        if sockets:
            frame = OutFrame(data, asyncio.get_running_loop().time(), slot)
            for socket in sockets:
                socket.outbox.put(frame)
        self._unwritten += 1
        self._unwritten_bytes += len(data)
        if self._unwritten >= _LET_WRITE or self._unwritten_bytes >= _LET_WRITE_BYTES:
            self._unwritten = self._unwritten_bytes = 0
            await asyncio.sleep(0)

    async def ask(self, declaration: Ask[Q, A], socket: Socket[Any], question: Q, timeout: float) -> A:
        """Asks one client; see `BoundAsk.ask`."""
        encode = declaration.question.encode_strictly if self._checks.strict else declaration.question.encode
        encoded = encode(question)
        id, future = socket.open_question()
        socket.put(OutFrame(encode_question(declaration.name, id, encoded), asyncio.get_running_loop().time()))
        try:
            async with aside():
                # Not wait_for, which in Python 3.11 swallows a cancellation that comes with the answer.
                async with asyncio.timeout(timeout):
                    reply = await future
        except TimeoutError:
            raise AskError("timeout", f"no answer to {declaration.name!r} within {timeout:g} s") from None
        finally:
            socket.close_question(id)
        if isinstance(reply, ErrorObject):
            raise AskError(reply.code, reply.message, reply.details)
        try:
            check_numbers(reply)
            return declaration.answer.decode(reply)
        except (InvalidPayload, BadFrame) as error:
            raise AskError(
                "invalid_payload", f"the answer to {declaration.name!r} does not validate", error.details
            ) from None


class _Bound(Generic[T]):
    """A declared event on its namespace."""

    __slots__ = ("_event", "_hub")

    def __init__(self, hub: Hub, event: Event[T]) -> None:
        self._hub = hub
        self._event = event

    def broadcast(self, payload: Any = None, *, to: Targets, skip: Targets | None = None) -> Coroutine[Any, Any, None]:
        return self._hub.broadcast(self._event, payload, to, skip)


class _BoundAsk(Generic[Q, A]):
    """A declared question on its namespace."""

    __slots__ = ("_ask", "_hub")

    def __init__(self, hub: Hub, ask: Ask[Q, A]) -> None:
        self._hub = hub
        self._ask = ask

    def ask(self, ws: Socket[Any], question: Q, *, timeout: float = 30.0) -> Coroutine[Any, Any, A]:
        return self._hub.ask(self._ask, ws, question, timeout)
