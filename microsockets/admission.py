"""Who may connect at all: Host, Origin and numbers, before any of the application's code; and how a refusal is told."""

from __future__ import annotations

import ipaddress
import logging
import math
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl

from .errors import ConfigurationError, Error, Refuse, RetryLater
from .limits import Limits
from .protocol.frames import encode_error
from .protocol.handshake import (
    SUBPROTOCOL,
    Offer,
    header,
    host_listed,
    is_loopback,
    is_origin,
    origin_listed,
    read_offer,
    same_host,
    without_auth,
)
from .runtime import Runtime
from .status import HANDSHAKE_REFUSALS
from .types import Scope, Send

logger = logging.getLogger("microsockets")

ANY_ORIGIN = "*"
_STATUS = {"invalid_payload": 400, "rate_limited": 429, "overloaded": 503, "timeout": 503, "internal_error": 500}


class Rejected(Exception):
    """A handshake that never reaches a namespace; told in plain HTTP."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


class Proxies:
    """The addresses whose `X-Forwarded-Host` counts."""

    def __init__(self, addresses: Sequence[str]) -> None:
        if isinstance(addresses, str):
            raise ConfigurationError(f"trusted_proxies=: give a list, like [{addresses!r}]")
        self._any = "*" in addresses
        try:
            self._networks = [ipaddress.ip_network(each, strict=False) for each in addresses if each != "*"]
        except ValueError as error:
            raise ConfigurationError(
                f"trusted_proxies=: {error}; give addresses, networks like 10.0.0.0/8, or *"
            ) from None

    def trusts(self, scope: Scope) -> bool:
        """Whether this connection comes from one of them."""
        client = scope.get("client")
        if client is None or not (self._any or self._networks):
            return False
        try:
            address = ipaddress.ip_address(client[0])
        except ValueError:
            return self._any
        return self._any or any(address in network for network in self._networks)


def read_origins(given: Sequence[str] | str, where: str) -> Sequence[str] | str:
    """The sites an application admits. Raises `ConfigurationError` for what no Origin can match."""
    if isinstance(given, str):
        if given != ANY_ORIGIN:
            raise ConfigurationError(f'{where}: give a list, like [{given!r}], or "*"')
        return given
    for origin in given:
        if origin != ANY_ORIGIN and not is_origin(origin):
            raise ConfigurationError(f'{where}: {origin!r} is no origin; write it like "https://example.com"')
    return tuple(given)


def read_hosts(given: Sequence[str]) -> Sequence[str]:
    """The hosts an application serves. Raises `ConfigurationError` for what is no list."""
    if isinstance(given, str):
        raise ConfigurationError(f"Application(hosts=...): give a list, like [{given!r}]")
    return tuple(given)


def clean(scope: Scope) -> Offer:
    """Takes the auth data out of the scope, before any user code sees it, and returns what the peer offers."""
    offer = read_offer(scope.get("subprotocols") or ())
    scope["subprotocols"] = offer.subprotocols
    scope["headers"] = without_auth(scope.get("headers") or ())
    return offer


def is_served(scope: Scope, hosts: Sequence[str]) -> bool:
    """Whether the Host is listed, a guard against DNS rebinding; an empty list admits all."""
    return not hosts or host_listed(header(scope.get("headers") or (), b"host") or "", hosts)


def check_host(scope: Scope, hosts: Sequence[str]) -> None:
    """Raises `Rejected` for a Host that is not served."""
    if not is_served(scope, hosts):
        raise Rejected(400, "forbidden", "This host is not served here")


def check_origin(scope: Scope, origins: Sequence[str] | str, *, proxies: Proxies, loopback: bool) -> None:
    """Guards against other sites' pages (RFC 6455 section 10.2). Raises `Rejected`.

    Without an Origin the peer is no browser. Otherwise it must be the host that is served or one of `origins`;
    `loopback` admits this machine on any port; `"*"` admits all and takes cookies and `authorization` out of the
    scope.
    """
    headers = scope.get("headers") or ()
    if origins == ANY_ORIGIN or ANY_ORIGIN in origins:
        scope["headers"] = [each for each in headers if each[0].lower() not in (b"cookie", b"authorization")]
        return
    origin = header(headers, b"origin")
    if origin is None:
        return
    host = header(headers, b"host") or ""
    if proxies.trusts(scope):
        host = (header(headers, b"x-forwarded-host") or host).split(",")[0].strip()
    if same_host(origin, host, _scheme(scope)) or origin_listed(origin, origins):
        return
    if loopback and is_loopback(origin):
        return
    logger.warning("refused a connection from another site; to admit it: Application(..., origins=[%r])", origin[:200])
    raise Rejected(403, "forbidden", "This origin is not admitted")


def _scheme(scope: Scope) -> str:
    return str(scope.get("scheme") or "ws")


def client_ip(scope: Scope) -> str | None:
    """The client's address, if the server knows it."""
    client = scope.get("client")
    return client[0] if client else None


def check_connections(runtime: Runtime, limits: Limits, ip: str | None) -> None:
    """Raises `Rejected` when there are too many connections."""
    if limits.connections is not None and len(runtime.connections) >= limits.connections:
        runtime.counters["connections"] += 1
        raise Rejected(503, "overloaded", "Too many connections")
    if limits.connections_per_ip is not None and ip is not None and runtime.per_ip[ip] >= limits.connections_per_ip:
        runtime.counters["connections_per_ip"] += 1
        raise Rejected(429, "rate_limited", "Too many connections from this address")


def read_query(scope: Scope) -> dict[str, Any]:
    """The query; a key given several times is a list."""
    found: dict[str, Any] = {}
    raw: bytes = scope.get("query_string") or b""
    for name, value in parse_qsl(raw.decode("latin-1"), keep_blank_values=True):
        if name not in found:
            found[name] = value
        elif isinstance(found[name], list):
            found[name].append(value)
        else:
            found[name] = [found[name], value]
    return found


def server(scope: Scope) -> dict[str, str]:
    """Where a request has reached us, in AsyncAPI's words."""
    host = header(scope.get("headers") or (), b"host") or "localhost"
    root: str = scope.get("root_path") or ""
    protocol = "wss" if scope.get("scheme") in ("https", "wss") else "ws"
    return {"host": host, "protocol": protocol, **({"pathname": root} if root else {})}


def local_path(scope: Scope) -> str:
    """The path below the one the application is mounted at."""
    path: str = scope["path"]
    root: str = scope.get("root_path") or ""
    return path.removeprefix(root) or "/" if root else path


async def reject(scope: Scope, send: Send, rejected: Rejected) -> None:
    """Answers a handshake that never reaches a namespace."""
    await _deny(scope, send, rejected.status, encode_error(rejected.code, rejected.message))


async def refuse(scope: Scope, send: Send, refusal: Refuse, *, v1: bool) -> None:
    """Refuses for auth, permission or path. A v1 peer is accepted and closed at once, since a browser cannot read a
    refused handshake; a plain peer gets the HTTP status."""
    status, close_code = HANDSHAKE_REFUSALS[refusal.code]
    if v1:
        await send({"type": "websocket.accept", "subprotocol": SUBPROTOCOL, "headers": []})
        await send({"type": "websocket.close", "code": int(close_code), "reason": refusal.code})
    else:
        await _deny(scope, send, status, encode_error(refusal.code, refusal.message))


async def refuse_error(scope: Scope, send: Send, error: Error, encoded: bytes) -> None:
    """Refuses for any other reason, in plain HTTP; `encoded` is the error object."""
    headers = [(b"retry-after", b"%d" % math.ceil(error.retry_after))] if isinstance(error, RetryLater) else []
    await _deny(scope, send, _STATUS.get(error.code, 403), encoded, headers)


async def _deny(
    scope: Scope, send: Send, status: int, content: bytes, headers: Sequence[tuple[bytes, bytes]] = ()
) -> None:
    """Answers the handshake with an HTTP status and a JSON body; a server that cannot sends 403."""
    if "websocket.http.response" not in (scope.get("extensions") or {}):
        await send({"type": "websocket.close", "code": 1000, "reason": ""})
        return
    all_headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(content)).encode()),
        (b"connection", b"close"),
        *headers,
    ]
    await send({"type": "websocket.http.response.start", "status": status, "headers": all_headers})
    await send({"type": "websocket.http.response.body", "body": content})
