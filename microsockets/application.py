"""The ASGI application: namespaces and options in, one ASGI callable out."""

from __future__ import annotations

import inspect
import os
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from . import admission, classic, endpoint, lifespan
from .brokers import Broker
from .checks import Checks
from .cluster import room_manager_at
from .connection import send_item
from .dependencies import Resolver
from .errors import ConfigurationError
from .events import EventRouter, check_event_name
from .failures import Failures
from .gateway import Gateway
from .hints import caller_locals
from .hooks import Hooks, is_plain
from .limits import Limits
from .middleware import Chain
from .namespace import Namespace
from .pages import Pages, Response
from .rooms import Elsewhere, Recipients, RoomManager
from .schema.published import Published
from .types import ASGIApp, Receive, Scope, Send

N = TypeVar("N", bound=Namespace)
F = TypeVar("F", bound=Callable[..., Any])

BROKER_VARIABLE = "MICROSOCKETS_BROKER"
"""The URL of a broker, for applications that do not name a room manager."""

RELOAD_VARIABLE = "MICROSOCKETS_RELOAD"
"""Set by `microsockets run --reload`: pages from this machine may connect, whatever their port."""


class Application:
    """An ASGI application made of namespaces: `app = Application(Chat, Game(rules))`.

    A class is instantiated, anything else is the instance; `app[Chat]` is the instance of a class.

    `middleware`: members of every chain. `origins`: sites whose pages may connect beside our own, or `"*"`. `hosts`:
    the Host headers that are served. `limits`: see `Limits`. `fallback`: an ASGI app for everything that is not ours.
    `debug`: details in errors, and outgoing payloads are checked closely. `docs_url`: where the documentation page is,
    or None; `asyncapi_url`: the same for the AsyncAPI document. `title` and `version` are in both. `lifespan`:
    `lifespan(app)` is an async context manager around the application's life. `trusted_proxies`:
    addresses or networks whose `X-Forwarded-Host` counts. `event_router` and `room_manager` take a class or an
    instance; without a room manager, rooms are in memory, or reach over the broker that `MICROSOCKETS_BROKER` names.

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
        title: str = "",
        version: str = "",
        docs_url: str | None = "/docs",
        asyncapi_url: str | None = "/asyncapi.json",
        lifespan: lifespan.LifespanContext | None = None,
        trusted_proxies: Sequence[str] = (),
        event_router: Any = EventRouter,
        room_manager: Any = None,
    ) -> None:
        locals_ = caller_locals()
        self.debug = debug
        self.title = title
        self.version = version
        self.docs_url = docs_url
        self.asyncapi_url = asyncapi_url
        self.hooks = Hooks()
        self.counters: Counter[str] = Counter()
        """How often each limit was hit and each kind of message was lost."""
        self.checks = Checks(debug)
        self._fallback = fallback
        self._lifespan = lifespan
        self._hosts = admission.read_hosts(hosts)
        self._limits = _limits(limits, "Application(limits=...)") or Limits()
        self._origins = admission.read_origins(origins, "Application(origins=...)")
        self._chain = Chain(middleware, "Application(middleware=...)")
        self._resolver = Resolver(locals_)
        self._manager = _room_manager(room_manager)
        self._elsewhere: Elsewhere | None = getattr(self._manager, "elsewhere", None)
        if self._elsewhere is not None:
            self._elsewhere.counters = self.counters
        self._router = _instance(event_router)
        self._gateway = Gateway(
            classic.build(
                self._router,
                self.hooks,
                Recipients(None, self._manager),
                chain=self._chain,
                limits=self._limits,
                origins=self._origins,
                checks=self.checks,
            ),
            hosts=self._hosts,
            proxies=admission.Proxies(trusted_proxies),
            loopback=debug or bool(os.environ.get(RELOAD_VARIABLE)),
            open_to_all=not namespaces and not origins,
            counters=self.counters,
            failures=Failures(self.counters, self.checks, debug=debug),
        )
        self._gateway.uses_classic = not namespaces or event_router is not EventRouter
        self._namespaces: dict[type[Namespace], Namespace] = {}
        self._published = Published(title, version)
        self._pages = Pages(self._published, docs_url, asyncapi_url)
        shapes: dict[str, type[Namespace]] = {}
        for each in namespaces:
            self._add(each, shapes, locals_)
        self._resolver.forget_locals()

    def _add(
        self, given: type[Namespace] | Namespace, shapes: dict[str, type[Namespace]], locals_: dict[str, Any]
    ) -> None:
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
        origins = cls.origins
        built = endpoint.build(
            namespace,
            recipients,
            chain=self._chain,
            resolver=self._resolver,
            limits=_limits(cls.limits, f"{cls.__qualname__}.limits") or self._limits,
            origins=self._origins
            if origins is None
            else admission.read_origins(origins, f"{cls.__qualname__}.origins"),
            checks=self.checks,
            send_item=send_item,
            contract=partial(self._published.digest, path.template),
        )
        namespace.bind(self, recipients)
        self._namespaces[cls] = namespace
        self._published.namespaces.append(namespace)
        self._gateway.add(path, built)

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
    def broker(self) -> Broker | None:
        """What carries messages to other processes, with its `state`; None if there are none."""
        return self._elsewhere.broker if self._elsewhere is not None else None

    @property
    def middleware(self) -> tuple[Any, ...]:
        """The members of every chain."""
        return self._chain.middlewares

    @property
    def dependency_overrides(self) -> dict[Callable[..., Any], Callable[..., Any]]:
        """Functions that take the place of those in `Depends(...)`, for tests."""
        return self._resolver.overrides

    def on(self, event: str) -> Callable[[F], F]:
        """1.0's way to handle an event, on every path that no namespace owns: `@app.on("join") async def join(ws)`."""
        check_event_name(event, "@app.on")

        def decorate(function: F) -> F:
            if is_plain(function):
                raise ConfigurationError(f"@app.on({event!r}): write async def ...(ws)")
            self._gateway.uses_classic = True
            self._router.add(event, function)
            return function

        return decorate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI 3."""
        kind = scope["type"]
        if kind == "websocket":
            await self._gateway.serve(scope, receive, send, self._fallback)
        elif kind == "http":
            await self._http(scope, receive, send)
        elif kind == "lifespan":
            # Here and not with the first connection, which would keep all others waiting.
            self._published.prepare()
            await lifespan.run(
                scope,
                receive,
                send,
                app=self,
                context=self._lifespan,
                hooks=self.hooks,
                fallback=self._fallback,
                settle=self._gateway.settle,
                elsewhere=self._elsewhere,
            )

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        served = admission.is_served(scope, self._hosts)
        page = self._pages.find(scope) if served and self._namespaces else None
        if page is not None:
            await page.send(scope, send)
        elif not served:
            await Response(400, b"This host is not served here").send(scope, send)
        elif self._fallback is not None:
            await self._fallback(scope, receive, send)
        else:
            await Response(404, b"Not found").send(scope, send)


def _instance(given: Any) -> Any:
    return given() if inspect.isclass(given) else given


def _room_manager(given: Any) -> Any:
    if given is None:
        url = os.environ.get(BROKER_VARIABLE)
        return room_manager_at(url) if url else RoomManager()
    return _instance(given)


def _limits(given: Any, where: str) -> Limits | None:
    if given is not None and not isinstance(given, Limits):
        raise ConfigurationError(f"{where}: write Limits(rooms=...), not <{type(given).__name__}>")
    return given
