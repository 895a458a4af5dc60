"""From a WebSocket scope to its connection: which namespace it belongs to, who may connect, how a refusal is told."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Iterator, Sequence

from . import admission
from .admission import Proxies
from .connection import Connection
from .endpoint import Endpoint
from .errors import Refuse
from .failures import Failures
from .paths import Path, Paths
from .protocol.handshake import Offer
from .runtime import Runtime
from .types import ASGIApp, Receive, Scope, Send

logger = logging.getLogger("microsockets")


class Gateway:
    """The WebSocket half of one application.

    `open_to_all` is 1.0's way, where pages of any site may connect; `loopback` admits pages of this machine on any
    port.
    """

    def __init__(
        self,
        classic: Endpoint,
        *,
        hosts: Sequence[str],
        proxies: Proxies,
        loopback: bool,
        open_to_all: bool,
        counters: Counter[str],
        failures: Failures,
    ) -> None:
        self._classic = classic
        self._hosts = hosts
        self._proxies = proxies
        self._loopback = loopback
        self._open_to_all = open_to_all
        self._counters = counters
        self._failures = failures
        self._paths: Paths[Endpoint] = Paths()
        self._endpoints = [classic]
        self._runtime: Runtime | None = None
        self._warned = False
        self.uses_classic = False
        """Whether `@app.on` answers on the paths that no namespace owns."""

    def add(self, path: Path, endpoint: Endpoint) -> None:
        """Serves a namespace at its path."""
        self._paths.add(path, endpoint)
        self._endpoints.append(endpoint)

    async def serve(self, scope: Scope, receive: Receive, send: Send, fallback: ASGIApp | None) -> None:
        """Serves one connection to its end. A plain one that no namespace owns is the fallback's, if there is one."""
        found = self._find(scope)
        offer = admission.clean(scope)
        ours = found is not None or offer.v1 or not admission.is_served(scope, self._hosts)
        if not ours and fallback is not None:
            await fallback(scope, receive, send)
            return
        await receive()
        try:
            endpoint, path = self._admit(scope, found, offer)
        except admission.Rejected as rejected:
            self._counters["refused"] += 1
            await admission.reject(scope, send, rejected)
            return
        except Refuse as refusal:
            self._counters["refused"] += 1
            await admission.refuse(scope, send, refusal, v1=offer.v1)
            return
        await self._connect(endpoint, path, scope, receive, send, offer)

    async def settle(self) -> None:
        """Waits until the connections that are ending are through, as long as the longest `disconnect_seconds`."""
        if self._runtime is not None:
            await self._runtime.settle(max(each.limits.disconnect_seconds for each in self._endpoints))

    def _find(self, scope: Scope) -> tuple[Endpoint, dict[str, str]] | None:
        found = self._paths.find(admission.local_path(scope))
        return (self._classic, {}) if found is None and self.uses_classic else found

    def _admit(
        self, scope: Scope, found: tuple[Endpoint, dict[str, str]] | None, offer: Offer
    ) -> tuple[Endpoint, dict[str, str]]:
        admission.check_host(scope, self._hosts)
        if self._open_to_all:
            self._warn()
        else:
            origins = (found[0] if found is not None else self._classic).origins
            admission.check_origin(scope, origins, proxies=self._proxies, loopback=self._loopback)
        if found is None:
            raise Refuse("not_found", "No namespace has this path")
        if offer.malformed_auth:
            raise Refuse("unauthorized", "The auth data cannot be read")
        admission.check_connections(self._running(), found[0].limits, admission.client_ip(scope))
        return found

    def _warn(self) -> None:
        if not self._warned:
            self._warned = True
            logger.warning(
                "pages of any site may connect, as in 1.0; to admit only your own: Application(origins=[...])"
            )

    async def _connect(
        self, endpoint: Endpoint, path: dict[str, str], scope: Scope, receive: Receive, send: Send, offer: Offer
    ) -> None:
        runtime, ip = self._running(), admission.client_ip(scope)
        connection = Connection(endpoint, runtime, scope, receive, send, offer)
        runtime.enter(connection, ip)
        try:
            refusal = await connection.open(lambda: endpoint.read_params(path, admission.read_query(scope), offer.auth))
            if refusal is None:
                await connection.live()
                return
        finally:
            runtime.leave(connection, ip)
        self._counters["refused"] += 1
        if isinstance(refusal, Refuse):
            await admission.refuse(scope, send, refusal, v1=offer.v1)
        else:
            error, encoded = self._failures.tell(refusal, connection.socket.id, "connect")
            await admission.refuse_error(scope, send, error, encoded)

    def _running(self) -> Runtime:
        loop = asyncio.get_running_loop()
        if self._runtime is None or self._runtime.loop is not loop:
            self._runtime = Runtime(loop, self._counters, self._failures)
            for seconds in self._shortest_times():
                self._runtime.notice(seconds)
        return self._runtime

    def _shortest_times(self) -> Iterator[float]:
        for endpoint in self._endpoints:
            yield min(endpoint.limits.handler_seconds, endpoint.limits.outbox_seconds, *endpoint.timeouts)
