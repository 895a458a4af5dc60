"""The ASGI application: which connection belongs to which namespace."""

from __future__ import annotations

import asyncio
import inspect
import logging
import os
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from . import admission, classic, docs_page, endpoint, lifespan
from .checks import Checks
from .connection import Connection, send_item
from .dependencies import Resolver
from .endpoint import Endpoint
from .errors import ConfigurationError, Refuse
from .events import EventRouter, check_event_name
from .hints import caller_locals
from .hooks import Hooks
from .limits import Limits
from .middleware import Chain
from .namespace import Namespace
from .paths import Paths
from .protocol.handshake import Offer
from .rooms import Recipients, RoomManager
from .runtime import Runtime
from .types import ASGIApp, Receive, Scope, Send

logger = logging.getLogger("microsockets")

N = TypeVar("N", bound=Namespace)
F = TypeVar("F", bound=Callable[..., Any])

RELOAD_VARIABLE = "MICROSOCKETS_RELOAD"
"""Set by `microsockets run --reload`: pages from this machine may connect, whatever their port."""


class Application:
    """An ASGI application made of namespaces: `app = Application(Chat, Game(rules))`.

    A class is instantiated, anything else is the instance; `app[Chat]` is the instance of a class.

    `middleware`: members of every chain. `origins`: sites whose pages may connect beside our own, or `"*"`. `hosts`:
    the Host headers that are served. `limits`: see `Limits`. `fallback`: an ASGI app for everything that is not ours.
    `debug`: details in errors, and outgoing payloads are checked closely. `docs_url`: where the documentation page is,
    or None. `lifespan`: `lifespan(app)` is an async context manager around the application's life. `trusted_proxies`:
    addresses or networks whose `X-Forwarded-Host` counts. `event_router` and `room_manager` take a class or an
    instance.

    Raises `ConfigurationError` for what cannot work: two namespaces on one path, a name in an annotation that is
    missing.
    """

    def __init__(
        self,
        *namespaces: type[Namespace] | Namespace,
        middleware: Sequence[Any] = (),
        origins: Sequence[str] | str = (),
        hosts: Sequence[str] = (),
        limits: Limits | None = None,
        fallback: ASGIApp | None = None,
        debug: bool = False,
        docs_url: str | None = "/docs",
        lifespan: lifespan.LifespanContext | None = None,
        trusted_proxies: Sequence[str] = (),
        event_router: Any = EventRouter,
        room_manager: Any = RoomManager,
    ) -> None:
        self.debug = debug
        self.docs_url = docs_url
        self.hooks = Hooks()
        self.counters: Counter[str] = Counter()
        """How often each limit was hit and each kind of message was lost."""
        self.checks = Checks(debug)
        self._limits = limits or Limits()
        self._origins = _origins(origins, "Application(origins=...)")
        self._hosts = tuple(hosts)
        self._proxies = admission.Proxies(trusted_proxies)
        self._loopback = debug or bool(os.environ.get(RELOAD_VARIABLE))
        self._fallback = fallback
        self._lifespan = lifespan
        locals_ = caller_locals()
        self._resolver = Resolver(locals_)
        self._chain = Chain(middleware)
        self._manager = _instance(room_manager)
        self._router = _instance(event_router)
        self._uses_on = event_router is not EventRouter
        self._runtime: Runtime | None = None
        self._namespaces: dict[type[Namespace], Namespace] = {}
        self._paths: Paths[Endpoint] = Paths()
        self._warned = False
        self._docs_page: bytes | None = None
        shapes: dict[str, type[Namespace]] = {}
        self._endpoints = [self._add(each, shapes, locals_) for each in namespaces]
        self._classic = classic.build(
            self._router,
            self.hooks,
            Recipients(None, self._manager),
            chain=self._chain,
            limits=self._limits,
            origins=self._origins,
            checks=self.checks,
        )

    def _add(
        self, given: type[Namespace] | Namespace, shapes: dict[str, type[Namespace]], locals_: dict[str, Any]
    ) -> Endpoint:
        cls = given if inspect.isclass(given) else type(given)
        if not issubclass(cls, Namespace) or cls is Namespace:
            raise ConfigurationError(f"Application({given!r}): pass subclasses of Namespace, or instances of them")
        namespace = given() if isinstance(given, type) else given
        path = cls.path
        if path is None:
            raise ConfigurationError(
                f'{cls.__qualname__} has no path: write class {cls.__name__}(Namespace, path="/...")'
            )
        other = shapes.setdefault(path.shape, cls)
        if cls in self._namespaces or other is not cls:
            raise ConfigurationError(f"{other.__qualname__} and {cls.__qualname__} are both at {path.template!r}")
        if "app" in vars(namespace):
            raise ConfigurationError(f"this {cls.__qualname__} belongs to another application; make a new instance")
        cls.declared.complete(locals_)
        recipients = Recipients(path.template, self._manager)
        built = endpoint.build(
            namespace,
            recipients,
            chain=self._chain,
            resolver=self._resolver,
            limits=cls.limits or self._limits,
            origins=self._origins if cls.origins is None else _origins(cls.origins, f"{cls.__qualname__}.origins"),
            checks=self.checks,
            send_item=send_item,
        )
        namespace.bind(self, recipients)
        self._namespaces[cls] = namespace
        self._paths.add(path, built)
        return built

    def __getitem__(self, cls: type[N]) -> N:
        """The instance of a namespace class. Raises `KeyError`."""
        namespace = self._namespaces.get(cls)
        if not isinstance(namespace, cls):
            raise KeyError(f"{cls.__qualname__} is not in this application; pass it to Application(...)")
        return namespace

    @property
    def namespaces(self) -> list[Namespace]:
        """The namespaces, in the order given."""
        return list(self._namespaces.values())

    @property
    def dependency_overrides(self) -> dict[Callable[..., Any], Callable[..., Any]]:
        """Functions that take the place of those in `Depends(...)`, for tests."""
        return self._resolver.overrides

    def on(self, event: str) -> Callable[[F], F]:
        """1.0's way to handle an event, on every path that no namespace owns: `@app.on("join") async def join(ws)`."""
        check_event_name(event, "@app.on")

        def decorate(function: F) -> F:
            if _is_plain(function):
                raise ConfigurationError(f"@app.on({event!r}): write async def ...(ws)")
            self._uses_on = True
            self._router.add(event, function)
            return function

        return decorate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI 3."""
        kind = scope["type"]
        if kind == "websocket":
            await self._websocket(scope, receive, send)
        elif kind == "http":
            await self._http(scope, receive, send)
        elif kind == "lifespan":
            await lifespan.run(
                scope,
                receive,
                send,
                app=self,
                context=self._lifespan,
                hooks=self.hooks,
                fallback=self._fallback,
            )

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = self._find(scope)
        offer = admission.clean(scope)
        ours = found is not None or offer.v1 or not admission.is_served(scope, self._hosts)
        if not ours and self._fallback is not None:
            # The fallback may have sockets of its own.
            await self._fallback(scope, receive, send)
            return
        await receive()
        runtime = self._running()
        ip = admission.client_ip(scope)
        try:
            admission.check_host(scope, self._hosts)
            self._check_origin(scope, found[0] if found else None)
            if found is None:
                raise Refuse("not_found", "No namespace has this path")
            if offer.malformed_auth:
                raise Refuse("unauthorized", "The auth data cannot be read")
            admission.check_numbers(runtime, found[0].limits, ip)
        except admission.Rejected as rejected:
            self.counters["refused"] += 1
            await admission.deny(scope, send, rejected.status, {"code": rejected.code, "message": rejected.message})
            return
        except Refuse as refusal:
            self.counters["refused"] += 1
            await admission.refuse(scope, send, refusal.code, refusal.message, v1=offer.v1)
            return
        await self._connect(*found, runtime, scope, receive, send, offer, ip)

    async def _connect(
        self,
        endpoint: Endpoint,
        path: dict[str, str],
        runtime: Runtime,
        scope: Scope,
        receive: Receive,
        send: Send,
        offer: Offer,
        ip: str | None,
    ) -> None:
        connection = Connection(endpoint, runtime, scope, receive, send, offer, debug=self.debug)
        runtime.enter(connection, ip)
        try:
            refusal = await connection.open(lambda: endpoint.read_params(path, admission.read_query(scope), offer.auth))
            if refusal is None:
                await connection.live()
                return
        finally:
            runtime.leave(connection, ip)
        self.counters["refused"] += 1
        if isinstance(refusal, Refuse):
            await admission.refuse(scope, send, refusal.code, refusal.message, v1=offer.v1)
        else:
            await admission.refuse_error(scope, send, refusal)

    def _find(self, scope: Scope) -> tuple[Endpoint, dict[str, str]] | None:
        found = self._paths.find(_path(scope))
        if found is None and (self._uses_on or not self._namespaces):
            return self._classic, {}
        return found

    def _check_origin(self, scope: Scope, endpoint: Endpoint | None) -> None:
        if not self._namespaces and not self._origins:
            if not self._warned:
                self._warned = True
                logger.warning(
                    "pages of any site may connect, as in 1.0; to admit only your own: Application(origins=[...])"
                )
            return
        origins = endpoint.origins if endpoint is not None else self._origins
        admission.check_origin(scope, origins, proxies=self._proxies, loopback=self._loopback)

    def _running(self) -> Runtime:
        loop = asyncio.get_running_loop()
        if self._runtime is None or self._runtime.loop is not loop:
            self._runtime = Runtime(loop, self.counters)
            for each in [*self._endpoints, self._classic]:
                self._runtime.notice(min(each.limits.handler_seconds, each.limits.outbox_seconds))
            for namespace in self._namespaces.values():
                for handler in namespace.declared.handlers.values():
                    if handler.options.timeout is not None:
                        self._runtime.notice(handler.options.timeout)
        return self._runtime

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not admission.is_served(scope, self._hosts):
            await _respond(send, 400, b"This host is not served here")
        elif self.docs_url is not None and self._namespaces and _path(scope) == self.docs_url:
            if self._docs_page is None:
                self._docs_page = docs_page.render(self.namespaces)
            await _respond(send, 200, self._docs_page, b"text/html; charset=utf-8")
        elif self._fallback is not None:
            await self._fallback(scope, receive, send)
        else:
            await _respond(send, 404, b"Not found")


def _path(scope: Scope) -> str:
    """The path below the one we are mounted at."""
    path: str = scope["path"]
    root: str = scope.get("root_path") or ""
    return path.removeprefix(root) or "/" if root else path


async def _respond(send: Send, status: int, body: bytes, kind: bytes = b"text/plain; charset=utf-8") -> None:
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _is_plain(function: Any) -> bool:
    return inspect.isroutine(function) and not inspect.iscoroutinefunction(function)


def _instance(given: Any) -> Any:
    return given() if inspect.isclass(given) else given


def _origins(origins: Sequence[str] | str, where: str) -> Sequence[str] | str:
    if isinstance(origins, str) and origins != admission.ANY_ORIGIN:
        raise ConfigurationError(f'{where}: give a list, like [{origins!r}], or "*"')
    return origins if isinstance(origins, str) else tuple(origins)
