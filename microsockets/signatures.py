"""Reading a function's parameters once: which is the socket, which the payload, which are dependencies."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, Final, get_args, get_origin

from .errors import ConfigurationError
from .hints import module_globals, resolve


class Role(Enum):
    """What a parameter is filled with."""

    SOCKET = "socket"
    CALL = "call"
    PAYLOAD = "payload"


SOCKET: Final = Role.SOCKET
CALL: Final = Role.CALL
PAYLOAD: Final = Role.PAYLOAD


@dataclass(frozen=True, slots=True)
class Depends:
    """Marks a parameter as made by `function`: `session: Annotated[Session, Depends(open_session)]`.

    The function may be plain, async, or a generator of either kind that yields once and cleans up afterwards. It may
    take the socket, the call, and dependencies of its own. Within one message each function runs once.
    """

    function: Callable[..., Any]

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise ConfigurationError(f"Depends({self.function!r}): give it a function")


Source = Role | Depends

MISSING: Final = inspect.Parameter.empty

ROLE_ATTRIBUTE: Final = "__microsockets_role__"
"""A class with this attribute fills the parameters annotated with it; so this layer needs no class from above."""


@dataclass(frozen=True, slots=True)
class Signature:
    """A function's parameters, in order: `(name to pass it by, or None for by position; what to pass)`."""

    arguments: tuple[tuple[str | None, Source], ...]
    payload_name: str | None = None
    payload_type: Any = Any
    payload_default: Any = MISSING
    returns: Any = MISSING

    @property
    def dependencies(self) -> list[Depends]:
        return [source for _, source in self.arguments if isinstance(source, Depends)]


def read_signature(
    function: Callable[..., Any],
    *,
    roles: frozenset[Role],
    where: str,
    bound: bool = False,
    locals_: Mapping[str, Any] | None = None,
) -> Signature:
    """What each parameter of `function` is filled with; `bound` leaves out the first, `self`.

    Raises `ConfigurationError`, which says what to write, for a parameter that is none of `roles`; `NameError` for an
    annotation that names something that does not exist yet.
    """
    parameters = list(inspect.signature(function).parameters.values())
    if bound:
        if not parameters:
            raise ConfigurationError(f"{where} needs self: write async def {function.__name__}(self, ws: Socket)")
        parameters = parameters[1:]
    hints = _hints(function, locals_ or {})
    arguments: list[tuple[str | None, Source]] = []
    payload: inspect.Parameter | None = None
    payload_type: Any = Any
    skipped = False
    for parameter in parameters:
        if parameter.kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD):
            raise ConfigurationError(f"{where}: *{parameter.name} cannot be filled; name each parameter")
        hint = hints.get(parameter.name, MISSING)
        source = _source(parameter.name, hint, roles)
        if source is None and PAYLOAD not in roles and parameter.default is not MISSING:
            skipped = True
            continue
        if source is None:
            if PAYLOAD not in roles or payload is not None:
                raise ConfigurationError(_cannot_fill(where, parameter.name, payload, roles))
            payload, source = parameter, PAYLOAD
            payload_type = Any if hint is MISSING else hint
        elif source in [each for _, each in arguments] and not isinstance(source, Depends):
            raise ConfigurationError(f"{where}: two parameters are the {source.value}; keep one")
        by_name = skipped or parameter.kind is inspect.Parameter.KEYWORD_ONLY
        arguments.append((parameter.name if by_name else None, source))
    return Signature(
        arguments=tuple(arguments),
        payload_name=payload.name if payload else None,
        payload_type=payload_type,
        payload_default=payload.default if payload else MISSING,
        returns=hints.get("return", MISSING),
    )


def unwrap_partial(function: Any) -> Any:
    """What a `functools.partial` calls in the end."""
    while isinstance(function, functools.partial):
        function = function.func  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
    return function  # pyright: ignore[reportUnknownVariableType]


def _hints(function: Callable[..., Any], locals_: Mapping[str, Any]) -> dict[str, Any]:
    target: Any = unwrap_partial(function)
    if inspect.isclass(target):
        target = target.__init__
    elif not inspect.isroutine(target):
        target = type(target).__call__
    target = inspect.unwrap(target)
    globals_ = getattr(target, "__globals__", None) or module_globals(function)
    return resolve(getattr(target, "__annotations__", {}), globals_, locals_)


def _source(name: str, hint: Any, roles: frozenset[Role]) -> Source | None:
    if get_origin(hint) is Annotated:
        for extra in get_args(hint)[1:]:
            if isinstance(extra, Depends):
                return extra
        hint = get_args(hint)[0]
    if hint is MISSING:
        return SOCKET if name in ("ws", "socket") and SOCKET in roles else None
    role = getattr(get_origin(hint) or hint, ROLE_ATTRIBUTE, None)
    return role if role in roles else None


def _cannot_fill(where: str, name: str, payload: inspect.Parameter | None, roles: frozenset[Role]) -> str:
    if payload is not None:
        return (
            f"{where}: {payload.name!r} is the payload, so {name!r} cannot be one too; put both in one model, "
            f"annotate the socket as Socket, or write Annotated[..., Depends(function)]"
        )
    wanted = "a Socket, " + ("the Call, " if CALL in roles else "") + "or Annotated[..., Depends(function)]"
    return f"{where}: {name!r} cannot be filled; annotate it as {wanted}, or give it a default"
