"""Says what it sees of a connection or a request, and gives back what it gets."""

from __future__ import annotations

import json
from typing import Any

from microsockets import Application, Ask, Event, Namespace, Socket
from microsockets.types import Receive, Scope, Send


def _seen(scope: Scope) -> dict[str, Any]:
    return {key: scope.get(key) for key in ("type", "scheme", "client", "path", "root_path", "http_version")}


class Mirror(Namespace, path="/mirror/{name}"):
    """Shows connections what the server sees of them."""

    flashed = Event[str]()
    cleaned = Event[None]("wiped")
    confirm = Ask[str, bool]()

    async def on_look(self, ws: Socket) -> dict[str, Any]:
        return _seen(ws.scope)

    async def on_echo(self, ws: Socket, payload: str) -> str:
        return payload

    async def on_flash(self, ws: Socket, payload: str) -> None:
        await self.flashed.broadcast(payload, to=ws)


class Quiet(Namespace, path="/quiet"):
    """Takes nothing and sends nothing."""


async def page(scope: Scope, receive: Receive, send: Send) -> None:
    """Gives back the body of a request, or else what is seen of it."""
    assert scope["type"] == "http"
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body", False):
            break
    body = body or json.dumps(_seen(scope)).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


app = Application(Mirror, Quiet, fallback=page)
