"""The built-in namespace of `@app.on`, 1.0's way: it answers on every path that no other namespace owns."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from .checks import Checks
from .endpoint import Endpoint, no_params
from .errors import Error
from .events import EventRouter
from .handlers import with_validation
from .hooks import Hooks
from .hub import Hub
from .limits import Limits
from .middleware import Call, Chain, ConnectCall, DisconnectCall
from .middleware.chain import Next
from .payloads import ANYTHING
from .protocol.frames import check_numbers
from .rooms import Recipients

_KEPT_CHAINS = 1024

Function = Callable[..., Awaitable[Any]]


class ClassicRoute:
    """What runs for a function the router returned: the chain, the `before_on` hooks, the function. Always serial."""

    __slots__ = ("_run", "concurrent", "raises", "seconds", "streams")

    def __init__(self, function: Function, hooks: Hooks, chain: Chain, seconds: float) -> None:
        self.streams = False
        self.concurrent: int | None = None
        self.seconds = seconds
        # Nothing lists what an @app.on handler raises, so nothing is unlisted.
        self.raises: tuple[type[Error], ...] = (Error,)
        self._run: Next = with_validation(chain, "@app.on").around("event", self._endpoint(_hooked(hooks, function)))

    @staticmethod
    def _endpoint(function: Function) -> Next:
        async def endpoint(call: Call) -> Any:
            call.socket.payload = call.payload
            call.socket.event = call.event
            return await function(call.socket)

        return endpoint

    def run(self, call: Call, /) -> Awaitable[Any]:
        """Runs the chain and the handler in it."""
        return self._run(call)

    def encode(self, result: Any) -> bytes:
        """The JSON of an answer. Raises `InvalidValue`."""
        return ANYTHING.encode(result)

    def read_payload(self, call: Call) -> Any:
        """The decoded JSON, `""` if there is none. Raises `InvalidPayload` or `BadFrame`."""
        if not call.raw:
            return ""
        check_numbers(call.raw)
        return ANYTHING.decode(call.raw)


def _hooked(hooks: Hooks, function: Function) -> Function:
    for hook in reversed(hooks.before_on):
        function = _before(hook, function)
    return function


def _before(hook: Function, function: Function) -> Function:
    async def run(ws: Any) -> Any:
        return await hook(ws, function)

    return run


class Finder:
    """Asks the router for every message, since a replaced one may answer by other rules each time. The chain around a
    function is built once, and anew when a hook was added."""

    def __init__(self, router: EventRouter | Callable[[str], Any], hooks: Hooks, chain: Chain, seconds: float) -> None:
        self._router = router
        self._hooks = hooks
        self._chain = chain
        self._seconds = seconds
        # By the function's id, since not every callable can be hashed; the route keeps the function alive.
        self._routes: dict[int, ClassicRoute] = {}
        self._hook_count = 0

    def __call__(self, event: str) -> ClassicRoute | None:
        function = self._router(event)
        if not function:
            return None
        if len(self._hooks.before_on) != self._hook_count or len(self._routes) > _KEPT_CHAINS:
            self._routes.clear()
            self._hook_count = len(self._hooks.before_on)
        route = self._routes.get(id(function))
        if route is None:
            route = self._routes[id(function)] = ClassicRoute(function, self._hooks, self._chain, self._seconds)
        return route


def build(
    router: EventRouter | Callable[[str], Any],
    hooks: Hooks,
    recipients: Recipients,
    *,
    chain: Chain,
    limits: Limits,
    origins: Sequence[str] | str,
    checks: Checks,
) -> Endpoint:
    """The endpoint of `@app.on`."""

    async def connect(call: ConnectCall) -> None:
        for hook in hooks.on_connect:
            await hook(call.socket)
        call.succeeded = bool(hooks.on_connect)

    async def disconnect(call: DisconnectCall) -> None:
        for hook in hooks.on_disconnect:
            await hook(call.socket)

    return Endpoint(
        find=Finder(router, hooks, chain, limits.handler_seconds),
        connect=chain.around("connect", connect),
        disconnect=chain.around("disconnect", disconnect),
        read_params=no_params,
        recipients=recipients,
        hub=Hub(None, recipients, chain=chain, checks=checks),
        limits=limits,
        origins=origins,
        checks=checks,
    )
