"""Declaring what travels: events to the client, questions to the client, handlers, and who finds a handler by name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, Generic, Protocol, cast, get_args, overload

from typing_extensions import ParamSpec, TypeVar

from .errors import ConfigurationError, Error, UsageError
from .hints import module_globals, resolve
from .payloads import Codec
from .protocol.frames import event_head
from .targets import Reached, SocketLike, Targets

T = TypeVar("T")
Q = TypeVar("Q")
A = TypeVar("A")
P = ParamSpec("P")
R = TypeVar("R")
T_contra = TypeVar("T_contra", contravariant=True)
Q_contra = TypeVar("Q_contra", contravariant=True)
A_co = TypeVar("A_co", covariant=True)

LIFECYCLE = frozenset({"connect", "disconnect"})


def check_event_name(name: str, where: str) -> str:
    """Raises `ConfigurationError` for a name that no application event may have."""
    if not name:
        raise ConfigurationError(f"{where}: an event needs a name")
    if name.startswith("$"):
        raise ConfigurationError(
            f"{where}: {name!r} starts with $, which is kept for control frames; choose another name"
        )
    return name


@dataclass(frozen=True, slots=True)
class Latest:
    """The policy made by `latest(key)`."""

    key: Callable[[Any], Hashable]
    field: str | None = None
    """The field that the key is, if it is one."""


def latest(key: str | Callable[[Any], Hashable] | None = None) -> Latest:
    """For a slow reader, a newer event replaces an older one that still waits, in its place.

    `key` tells which events replace each other: a field's name or a function of the payload. Without it, any newer
    event of the same name does. Replaced events are counted (`latest_replaced`).
    """
    if key is None:
        return Latest(lambda payload: None)
    return Latest(attrgetter(key), key) if isinstance(key, str) else Latest(key)


class BoundEvent(Protocol[T_contra]):
    """A declared event on a namespace of a running application."""

    @overload
    async def broadcast(
        self: BoundEvent[None], payload: None = None, *, to: Targets, skip: Targets | None = None
    ) -> Reached: ...
    @overload
    async def broadcast(self, payload: T_contra, *, to: Targets, skip: Targets | None = None) -> Reached: ...
    async def broadcast(self, payload: Any = None, *, to: Targets, skip: Targets | None = None) -> Reached:
        """Sends the event to every recipient once, and says whom it got to.

        `to`: a room's name, a socket, `user(id)`, `ALL`, or a list of those; `skip`: the same, left out. Returns when
        the event is queued for the sockets of this process and given to the broker for others. Per socket, events keep
        the order of the broadcasts; no recipient waits for another. Raises `InvalidValue` if the payload does not match
        the declared type.
        """
        ...


class BoundAsk(Protocol[Q_contra, A_co]):
    """A declared question on a namespace of a running application."""

    async def ask(self, ws: SocketLike, question: Q_contra, *, timeout: float = 30.0) -> A_co:
        """Asks one client and returns its validated answer.

        A handler that waits here gives up its place: the connection's next events run, and it goes on after the one
        that is running then. `timeout` is in seconds. Raises `AskError`.
        """
        ...


class _Declaration:
    """What `Event` and `Ask` share: a name, and types that are resolved when the class is created."""

    _expected: int
    _usage: str

    def __init__(self, name: str | None) -> None:
        self._given_name = name
        self.name = name or ""
        self.attribute = ""
        self.owner_name = ""
        self.resolved = False
        """Whether the types are known."""
        self.owner: Any = object
        """The class whose attribute it is."""

    def __set_name__(self, owner: type, attribute: str) -> None:
        self.attribute = attribute
        self.owner_name = owner.__qualname__
        self.owner = owner
        self.name = self._given_name or attribute

    def types(self, locals_: Mapping[str, Any]) -> list[Any]:
        """The types in the brackets. Raises `NameError` if one does not exist yet."""
        # Not in __set_name__, whose errors Python 3.11 hides in a RuntimeError.
        check_event_name(self.name, f"{self.owner_name}.{self.attribute}")
        arguments = get_args(getattr(self, "__orig_class__", None))
        if len(arguments) != self._expected:
            raise ConfigurationError(f"{self.owner_name}.{self.attribute}: say what it carries: {self._usage}")
        annotations = {str(index): argument for index, argument in enumerate(arguments)}
        return list(resolve(annotations, module_globals(self.owner), locals_).values())

    def _unbound(self) -> UsageError:
        return UsageError(
            f"{self.owner_name}.{self.attribute} belongs to no application yet: "
            f"pass {self.owner_name} to Application(...) and use app[{self.owner_name}].{self.attribute}"
        )


class Event(_Declaration, Generic[T]):
    """An event the server sends: `user_joined = Event[Join]()` in a namespace.

    The name on the wire is the attribute's, or the one given. `policy` says what happens to a reader that is too slow:
    None closes it with 4413, `latest(key)` replaces what is out of date.
    """

    _expected = 1
    _usage = "Event[Model]() or, for no payload, Event[None]()"
    codec: Codec[T]

    def __init__(self, name: str | None = None, *, policy: Latest | None = None) -> None:
        super().__init__(name)
        self.policy = policy
        self.head = b""
        self.description = ""
        """What the contract says of it, unless the attribute has a docstring."""

    def resolve(self, locals_: Mapping[str, Any]) -> None:
        """Builds the codec. Raises `NameError` if a type does not exist yet."""
        type_ = self.types(locals_)[0]
        self.codec = Codec(type_)
        self._check_policy(type_)
        self.head = event_head(self.name)
        self.resolved = True

    def _check_policy(self, type_: Any) -> None:
        field = self.policy.field if self.policy is not None else None
        fields = getattr(type_, "model_fields", None) or getattr(type_, "__dataclass_fields__", None)
        if field is None or not fields:
            return
        first = field.partition(".")[0]
        if first not in fields and not hasattr(type_, first):
            raise ConfigurationError(
                f"{self.owner_name}.{self.attribute}: {type_.__name__} has no field {first!r} for latest({field!r})"
            )

    @overload
    def __get__(self, instance: None, owner: type) -> Event[T]: ...
    @overload
    def __get__(self, instance: object, owner: type) -> BoundEvent[T]: ...
    def __get__(self, instance: object | None, owner: type) -> Event[T] | BoundEvent[T]:
        # A bound event sits in the instance's dict and hides this descriptor.
        if instance is None:
            return self
        raise self._unbound()


class Ask(_Declaration, Generic[Q, A]):
    """A question the server asks a client: `confirm = Ask[Question, Answer]()` in a namespace."""

    _expected = 2
    _usage = "Ask[Question, Answer]()"
    question: Codec[Q]
    answer: Codec[A]

    def __init__(self, name: str | None = None) -> None:
        super().__init__(name)

    def resolve(self, locals_: Mapping[str, Any]) -> None:
        """Builds the codecs. Raises `NameError` if a type does not exist yet."""
        question, answer = self.types(locals_)
        self.question, self.answer = Codec(question), Codec(answer)
        self.resolved = True

    @overload
    def __get__(self, instance: None, owner: type) -> Ask[Q, A]: ...
    @overload
    def __get__(self, instance: object, owner: type) -> BoundAsk[Q, A]: ...
    def __get__(self, instance: object | None, owner: type) -> Ask[Q, A] | BoundAsk[Q, A]:
        if instance is None:
            return self
        raise self._unbound()


@dataclass(frozen=True, slots=True)
class HandlerOptions:
    """What `@on(...)` says about a handler."""

    name: str | None = None
    raises: tuple[type[Error], ...] = ()
    concurrent: int | None = None
    timeout: float | None = None
    middleware: tuple[Any, ...] = field(default=())


_OPTIONS = "__microsockets_on__"


def on(
    name: str | None = None,
    *,
    raises: Sequence[type[Error]] = (),
    concurrent: int | None = None,
    timeout: float | None = None,
    middleware: Sequence[Any] = (),
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Gives a handler a name that is no identifier, or options.

    `raises`: the `Error` classes it answers with. `concurrent`: how many of this event may run at once on one
    connection (later events may then overtake it). `timeout`: seconds until it answers `timeout`. `middleware`: for
    this event only.
    """
    if callable(name):
        raise ConfigurationError('@on needs parentheses: write @on() or @on("name")')
    for option, given, example in (("raises", raises, "RoomFull"), ("middleware", middleware, "RateLimit(5)")):
        if not isinstance(given, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError(f"@on({option}=...): give a list, like {option}=[{example}]")
    if concurrent is not None and concurrent < 1:
        raise ConfigurationError(f"@on(concurrent={concurrent}): give the number that may run at once, 1 or more")
    if timeout is not None and timeout <= 0:
        raise ConfigurationError(f"@on(timeout={timeout}): give seconds greater than 0")
    for error in raises:
        if not (isinstance(error, type) and issubclass(error, Error)):
            raise ConfigurationError(f"@on(raises=...): {error!r} is no subclass of microsockets.Error")
    options = HandlerOptions(name, tuple(raises), concurrent, timeout, tuple(middleware))

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        setattr(function, _OPTIONS, options)
        return function

    return decorate


def options_of(function: Any) -> HandlerOptions | None:
    """The options `@on` gave a function, if any."""
    return cast("HandlerOptions | None", getattr(function, _OPTIONS, None))


EventFunction = Callable[..., Awaitable[Any]]


class EventRouter:
    """Finds the function for an event name. Replace it with `Application(event_router=...)` to route by other rules.

    The router of `@app.on` is asked for every message; a name from the network is only ever a key of a dict.
    """

    def __init__(self) -> None:
        self._functions: dict[str, EventFunction] = {}

    def __call__(self, event: str) -> EventFunction | None:
        """The function for this event, or None."""
        return self._functions.get(event)

    def add(self, event: str, func: EventFunction) -> None:
        """Registers a function; a second one for the same event replaces the first."""
        self._functions[event] = func
