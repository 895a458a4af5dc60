"""From a request to the scope that an application gets (the ASGI WebSocket specification)."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import unquote

from ..protocol.upgrade import BadRequest, Request, read_subprotocols
from ..types import EXTENSION, Extension
from .context import ServerContext


def build_scope(
    context: ServerContext,
    transport: asyncio.Transport,
    request: Request,
    app_state: dict[str, Any],
    extension: Extension,
) -> dict[str, Any]:
    """Raises `BadRequest` for a target that is no path."""
    path, query = _split_target(request.target)
    client, server = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
    return {
        "type": "websocket",
        "asgi": context.asgi,
        "http_version": "1.1",
        "scheme": "wss" if transport.get_extra_info("sslcontext") else "ws",
        "server": (server[0], server[1]) if isinstance(server, tuple) else (server, None) if server else None,
        "client": (client[0], client[1]) if isinstance(client, tuple) else None,
        "root_path": context.root_path,
        "path": context.root_path + unquote(path.decode("ascii")),
        "raw_path": context.raw_root_path + path,
        "query_string": query,
        "headers": request.headers,
        "subprotocols": read_subprotocols(request),
        "state": app_state.copy(),
        "extensions": {"websocket.http.response": {}, EXTENSION: extension},
    }


def describe(scope: dict[str, Any]) -> str:
    """The connection in log lines: without the query, which may hold secrets, and nothing that could end the line."""
    client: tuple[str, int] | None = scope["client"]
    address = "" if client is None else f"{client[0]}:{client[1]}"
    return f'{address} - "WebSocket {scope["raw_path"].decode("latin-1")}"'


def _split_target(target: bytes) -> tuple[bytes, bytes]:
    """Path and query of a request target; its absolute form is allowed (RFC 9112 section 3.2)."""
    if not target.startswith(b"/"):
        scheme, separator, rest = target.partition(b"://")
        if not separator or scheme.lower() not in (b"http", b"https", b"ws", b"wss"):
            raise BadRequest(400, "The request's target is no path")
        target = b"/" + rest.partition(b"/")[2]
    path, _, query = target.partition(b"?")
    return path, query
