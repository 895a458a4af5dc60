"""What the server's own classes say about an event: its name and its types."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from weakref import WeakKeyDictionary

from ..errors import ConfigurationError, UsageError
from ..events import Ask, Event
from ..handlers import Handler
from ..namespace import Namespace
from ..payloads import ANYTHING, Codec
from .message import check_name


@dataclass(frozen=True, slots=True)
class Call:
    """An event that the client sends."""

    name: str
    where: str
    payload: Codec[Any] = ANYTHING
    answer: Codec[Any] = ANYTHING
    takes_payload: bool = True
    needs_payload: bool = False
    streams: bool | None = None
    """None if nobody knows."""

    def encode(self, payload: Any) -> bytes | None:
        """The payload's JSON; `...` is no payload. Raises `UsageError`."""
        if payload is ...:
            if self.needs_payload:
                raise UsageError(f"{self.where} needs a payload: a {self.payload.name}")
            return None
        if not self.takes_payload:
            raise UsageError(f"{self.where} takes no payload")
        return self.payload.encode(payload)


def call_of(event: Any, answer: Any = Any) -> Call:
    """The event of a handler's method, or of a name. Raises `UsageError`."""
    if isinstance(event, str):
        return Call(check_name(event), repr(event), answer=codec_of(answer))
    if isinstance(event, Event | Ask):
        raise UsageError(f"{event.owner_name}.{event.attribute} is sent by the server: use on() or handle()")  # pyright: ignore[reportUnknownMemberType]
    if not callable(event):
        return Call(check_name(event), repr(event))
    if answer is not Any:
        raise UsageError("answer= goes with a name: a handler's own annotation says what it answers")
    handler = _handler_of(getattr(event, "__func__", event))
    return Call(
        handler.event,
        handler.where,
        handler.payload,
        handler.result,
        takes_payload=handler.takes_payload,
        needs_payload=handler.takes_payload and not handler.payload_is_optional,
        streams=handler.streams,
    )


def event_of(event: Any, type_: Any = Any) -> tuple[str, Codec[Any]]:
    """Name and payload of what the server sends. Raises `UsageError`."""
    if isinstance(event, Event):
        _check_alone("type", type_)
        _resolve(event)  # pyright: ignore[reportUnknownArgumentType]
        return event.name, event.codec  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
    _refuse_other(event, "on()")
    return check_name(event), codec_of(type_)


def question_of(event: Any, type_: Any = Any, answer: Any = Any) -> tuple[str, Codec[Any], Codec[Any]]:
    """Name, question and answer of what the server asks. Raises `UsageError`."""
    if isinstance(event, Ask):
        _check_alone("type", type_)
        _check_alone("answer", answer)
        _resolve(event)  # pyright: ignore[reportUnknownArgumentType]
        return event.name, event.question, event.answer  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
    _refuse_other(event, "handle()")
    return check_name(event), codec_of(type_), codec_of(answer)


def name_of(event: Any) -> str:
    """The name of what the server sends. Raises `UsageError`."""
    return event.name if isinstance(event, Event) else check_name(event)  # pyright: ignore[reportUnknownMemberType]


def codec_of(type_: Any) -> Codec[Any]:
    """The codec of a type, made once."""
    if type_ is Any:
        return ANYTHING
    try:
        # `int | str` equals `str | int`, and they read differently.
        return _codec(type_, repr(type_))
    except TypeError:
        return Codec(type_)


@lru_cache(maxsize=512)
def _codec(type_: Any, written: str) -> Codec[Any]:
    return Codec(type_)


def _check_alone(option: str, given: Any) -> None:
    if given is not Any:
        raise UsageError(f"{option}= goes with a name: a declared event says what it carries")


def _refuse_other(event: Any, method: str) -> None:
    if isinstance(event, Event | Ask):
        other = "on()" if isinstance(event, Event) else "handle()"
        raise UsageError(f"{event.owner_name}.{event.attribute}: use {other}, not {method}")  # pyright: ignore[reportUnknownMemberType]
    if callable(event):
        raise UsageError(f"{method} takes what the server sends, and {event!r} is called by the client: use request()")


def _resolve(declaration: Event[Any] | Ask[Any, Any]) -> None:
    if declaration.resolved:
        return
    try:
        declaration.resolve({})
    except NameError as error:
        raise _undefined(f"{declaration.owner_name}.{declaration.attribute}", error) from None


_known: WeakKeyDictionary[Any, Handler] = WeakKeyDictionary()


def _handler_of(function: Any) -> Handler:
    handler = _known.get(function)
    if handler is None:
        handler = next((each for each in _handlers(Namespace) if each.function is function), None)
        if handler is None:
            raise UsageError(
                f"{getattr(function, '__qualname__', function)!s} handles no event: "
                f"give the on_<event> method of a namespace, like Chat.on_join, or the event's name"
            )
        _known[function] = handler
    if not handler.resolved:
        try:
            handler.resolve({})
        except NameError as error:
            raise _undefined(handler.where, error) from None
    return handler


def _handlers(cls: type[Namespace]) -> Iterator[Handler]:
    for each in cls.__subclasses__():
        yield from each.declared.handlers.values()
        yield from _handlers(each)


def _undefined(where: str, error: NameError) -> ConfigurationError:
    return ConfigurationError(
        f"{where}: the name {error.name!r} in an annotation is not defined; "
        "define or import it outside of TYPE_CHECKING"
    )
