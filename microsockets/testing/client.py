"""Runs an application in the test's own event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any
from urllib.parse import quote, unquote, urlencode

from ..application import Application
from ..protocol.handshake import SUBPROTOCOL, encode_auth
from ..types import ASGIApp, Message
from .peer import Peer

_HOST = "testserver"
_IN_PATHS = "/%:@!$&'()*+,;=~"
"""What stays as it is in a path (RFC 3986, section 3.3)."""


class Client:
    """`async with Client(app) as client:` runs the lifespan around the body and connects any number of peers.

    Within it an `Application` is strict: payloads on their way out are checked as with `debug=True`, and leaving the
    block fails if an error went out that no `raises=` lists. `timeout` is in seconds and bounds every wait.

    Messages are pushed into the application as `microsockets run` does it; with `pushes=False` they pass `receive` and
    `send`, as on any other ASGI server.
    """

    __test__ = False

    def __init__(self, app: ASGIApp, *, timeout: float = 2.0, pushes: bool = True) -> None:
        self.app = app
        self.pushes = pushes
        self.timeout = timeout
        self.peers: list[Peer] = []
        self.state: dict[str, Any] = {}
        self._to_lifespan: asyncio.Queue[Message] = asyncio.Queue()
        self._from_lifespan: asyncio.Queue[Message] = asyncio.Queue()
        self._lifespan: asyncio.Task[None] | None = None
        self._was_strict = False

    async def __aenter__(self) -> Client:
        if isinstance(self.app, Application):
            self._was_strict = self.app.checks.strict
            self.app.checks.strict = True
            self.app.checks.undeclared = []
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self.state}
        self._lifespan = asyncio.get_running_loop().create_task(self._run_lifespan(scope))
        await self._phase("startup")
        return self

    async def _run_lifespan(self, scope: dict[str, Any]) -> None:
        await self.app(scope, self._to_lifespan.get, self._from_lifespan.put)

    async def _phase(self, phase: str) -> None:
        assert self._lifespan is not None
        self._to_lifespan.put_nowait({"type": f"lifespan.{phase}"})
        answer = asyncio.ensure_future(self._from_lifespan.get())
        await asyncio.wait({answer, self._lifespan}, timeout=self.timeout, return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            answer.cancel()
            if self._lifespan.done():
                # An application without a lifespan ends or raises at once, which ASGI allows.
                return
            raise AssertionError(f"the application did not finish its {phase} within {self.timeout:g} s")
        message = answer.result()
        if message["type"] == f"lifespan.{phase}.failed":
            raise AssertionError(f"the application failed at {phase}: {message.get('message', '')}")

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        failures = await self._leave()
        undeclared: list[str] = []
        if isinstance(self.app, Application):
            undeclared = self.app.checks.undeclared or []
            self.app.checks.strict = self._was_strict
            self.app.checks.undeclared = None
        if error is not None:
            # What failed first is the cause; the rest is told beside it.
            for failure in failures:
                error.add_note(f"and while leaving: {failure}")
        elif failures:
            raise failures[0]
        elif undeclared:
            raise AssertionError("; ".join(dict.fromkeys(undeclared)))

    async def _leave(self) -> list[BaseException]:
        """Closes everything, whatever fails of it; what failed."""
        closed = await asyncio.gather(*[peer.close() for peer in self.peers], return_exceptions=True)
        failures = [each for each in closed if each is not None]
        assert self._lifespan is not None
        try:
            if not self._lifespan.done():
                await self._phase("shutdown")
                await asyncio.wait({self._lifespan}, timeout=self.timeout)
        except AssertionError as failure:
            failures.append(failure)
        finally:
            self._lifespan.cancel()
        return failures

    async def connect(
        self,
        path: str = "/",
        *,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | Sequence[tuple[str, str]] | None = None,
        auth: Any = None,
        v1: bool = True,
        subprotocols: Sequence[str] = (),
        client: tuple[str, int] | None = ("127.0.0.1", 50000),
        timeout: float | None = None,
    ) -> Peer:
        """Opens a connection. Raises `Refused`.

        `path` is written as in an address: `/chat/a%20b` is `a b` to the application, as on a server.

        `v1` offers `microsockets.v1` and takes `$hello` into `peer.hello`; without it the peer is a plain one. `auth`
        is sent as a browser sends it. `headers` replace the `host` of the test when they name one.
        """
        path, _, inline = path.partition("?")
        offered = [*([SUBPROTOCOL] if v1 else []), *([encode_auth(auth)] if auth is not None else []), *subprotocols]
        items = list(headers.items() if isinstance(headers, Mapping) else headers or ())
        if not any(name.lower() == "host" for name, _ in items):
            items.insert(0, ("host", _HOST))
        if offered:
            items.append(("sec-websocket-protocol", ", ".join(offered)))
        scope: dict[str, Any] = {
            "type": "websocket",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "scheme": "ws",
            "path": unquote(path),
            "raw_path": quote(path, safe=_IN_PATHS).encode(),
            "root_path": "",
            "query_string": "&".join(filter(None, (inline, urlencode(dict(query or {}), doseq=True)))).encode(),
            "headers": [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in items],
            "client": client,
            "server": (_HOST, 80),
            "subprotocols": offered,
            "state": dict(self.state),
            "extensions": {"websocket.http.response": {}},
        }
        peer = Peer(self.app, scope, v1=v1, timeout=timeout or self.timeout, pushes=self.pushes)
        self.peers.append(peer)
        await peer.open()
        return peer
