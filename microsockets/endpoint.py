"""What a connection needs of the namespace it belongs to, built once at start-up."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from pydantic import TypeAdapter, ValidationError

from .checks import Checks
from .dependencies import Resolver
from .errors import ConfigurationError, InvalidPayload, problems
from .handlers import Route, fill_arguments
from .hub import Hub
from .limits import Limits
from .middleware import Call, Chain, ConnectCall, DisconnectCall
from .middleware.calls import RouteLike
from .namespace import Namespace
from .payloads import Codec
from .rooms import Recipients
from .signatures import MISSING, Signature

Find = Callable[[str], RouteLike | None]
ReadParams = Callable[[dict[str, str], dict[str, Any], Any], Any]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One namespace, or the one of `@app.on`, ready to serve."""

    find: Find
    """The route of an event, or None."""
    connect: Callable[[ConnectCall], Awaitable[Any]]
    """The connect chain; its result is the session."""
    disconnect: Callable[[DisconnectCall], Awaitable[Any]]
    """The disconnect chain."""
    read_params: ReadParams
    """From path parameters, query and auth data to what `on_connect` gets."""
    recipients: Recipients
    hub: Hub
    limits: Limits
    origins: Sequence[str] | str
    checks: Checks
    timeouts: Sequence[float] = ()
    """The time limits that handlers have of their own."""
    contract: Callable[[], str | None] = lambda: None
    """Names what the namespace and its clients say to each other."""


def merge_params(path: dict[str, str], query: dict[str, Any], auth: Any) -> dict[str, Any]:
    """One dict from the three sources. Raises `InvalidPayload` for a name that two of them have."""
    merged: dict[str, Any] = {}
    told = cast("dict[str, Any]", auth) if isinstance(auth, dict) else {}
    for source in (path, query, told):
        for name, value in source.items():
            if name in merged:
                problem = {"loc": [name[:64]], "msg": "Given in two of path, query and auth", "type": "given_twice"}
                raise InvalidPayload("The connection's parameters do not validate", details=[problem])
            merged[name] = value
    return merged


class Params:
    """Validates what `on_connect` gets. All sources may be strings, so validation is lax whatever the model says."""

    def __init__(self, annotation: Any, default: Any = MISSING, where: str = "on_connect") -> None:
        """`default` stands for no parameters at all. Raises `ConfigurationError` for a type that no set of names and
        values can be."""
        self._adapter: TypeAdapter[Any] = Codec[Any](annotation).adapter
        self._default = default
        try:
            self._adapter.validator.validate_python({}, strict=False)
        except ValidationError as error:
            if any(not problem["loc"] and problem["type"].endswith("_type") for problem in error.errors()):
                raise ConfigurationError(
                    f"{where}: the parameters come by name; write a model with a field for each, or dict[str, Any]"
                ) from None

    def __call__(self, path: dict[str, str], query: dict[str, Any], auth: Any) -> Any:
        """Raises `InvalidPayload`."""
        data = merge_params(path, query, auth)
        if not data and self._default is not MISSING:
            return self._default
        validate = self._adapter.validator.validate_python
        try:
            return validate(data, strict=False)
        except ValidationError as error:
            wrapped = _wrap_singles(data, query, error)
            if wrapped is None:
                raise _invalid(error) from None
        try:
            return validate(wrapped, strict=False)
        except ValidationError as error:
            raise _invalid(error) from None


_LIST_ERRORS = frozenset({"list_type", "tuple_type", "set_type", "frozen_set_type", "sequence_str"})


def _wrap_singles(data: dict[str, Any], query: dict[str, Any], error: ValidationError) -> dict[str, Any] | None:
    # ?tag=a is one value where the model wants a list; only the model knows.
    names = {
        problem["loc"][0]
        for problem in error.errors(include_url=False, include_context=False, include_input=False)
        if problem["type"] in _LIST_ERRORS and len(problem["loc"]) == 1
    }
    singles = [name for name in names if isinstance(name, str) and isinstance(query.get(name), str)]
    return {**data, **{name: [data[name]] for name in singles}} if singles else None


def _invalid(error: ValidationError) -> InvalidPayload:
    return InvalidPayload("The connection's parameters do not validate", details=problems(error))


def no_params(path: dict[str, str], query: dict[str, Any], auth: Any) -> Any:
    """For a namespace whose `on_connect` takes none."""
    return None


def build(
    namespace: Namespace,
    recipients: Recipients,
    *,
    chain: Chain,
    resolver: Resolver,
    limits: Limits,
    origins: Sequence[str] | str,
    checks: Checks,
    send_item: Callable[[Call, bytes], Awaitable[None]],
    contract: Callable[[], str | None],
) -> Endpoint:
    """The endpoint of a namespace. Raises `ConfigurationError` for what cannot work."""
    declared = namespace.declared
    chain = chain.then(namespace.middleware, f"{type(namespace).__qualname__}.middleware")
    routes: dict[str, RouteLike] = {
        event: Route(
            handler,
            namespace,
            chain=chain,
            resolver=resolver,
            seconds=limits.handler_seconds,
            checks=checks,
            send_item=send_item,
        )
        for event, handler in declared.handlers.items()
    }
    read_params: ReadParams = no_params
    if declared.connect is not None and declared.connect.payload_name is not None:
        where = f"{type(namespace).__qualname__}.on_connect"
        read_params = Params(declared.connect.payload_type, declared.connect.payload_default, where)
    return Endpoint(
        find=routes.get,
        connect=chain.around("connect", _connect(namespace, resolver)),
        disconnect=chain.around("disconnect", _disconnect(namespace, resolver)),
        read_params=read_params,
        recipients=recipients,
        hub=Hub(namespace, recipients, chain=chain, checks=checks),
        limits=limits,
        origins=origins,
        checks=checks,
        timeouts=[route.seconds for route in routes.values()],
        contract=contract,
    )


def _connect(namespace: Namespace, resolver: Resolver) -> Callable[[ConnectCall], Awaitable[Any]]:
    run = _lifecycle(getattr(namespace, "on_connect", None), namespace.declared.connect, resolver)

    async def connect(call: ConnectCall) -> Any:
        if run is None:
            return None
        session = await run(call, call.params)
        call.succeeded = True
        return session

    return connect


def _disconnect(namespace: Namespace, resolver: Resolver) -> Callable[[DisconnectCall], Awaitable[Any]]:
    run = _lifecycle(getattr(namespace, "on_disconnect", None), namespace.declared.disconnect, resolver)

    async def disconnect(call: DisconnectCall) -> None:
        if run is not None:
            await run(call, None)

    return disconnect


def _lifecycle(
    method: Callable[..., Any] | None, signature: Signature | None, resolver: Resolver
) -> Callable[[ConnectCall | DisconnectCall, Any], Awaitable[Any]] | None:
    if method is None or signature is None:
        return None
    for depends in signature.dependencies:
        resolver.check(depends)

    async def run(call: ConnectCall | DisconnectCall, params: Any) -> Any:
        positional, named = await fill_arguments(signature.arguments, call.socket, call, resolver, params)
        return await method(*positional, **named)

    return run
