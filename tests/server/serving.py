"""uvicorn with our protocol classes, in a thread with an event loop of its own."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import logging
import os
import socket
import threading
import time
from collections.abc import Coroutine, Generator
from concurrent.futures import Future
from typing import Any, NamedTuple, TypeVar

import uvicorn
from microsockets.types import ASGIApp, Message, Receive, Scope, Send

from tests.server.wire import SECONDS, Wire

WEBSOCKET = os.environ.get("TRIAL_WS", "microsockets.server:WebSocketProtocol")
HTTP = "microsockets.server:HttpProtocol"

T = TypeVar("T")


class Stack(NamedTuple):
    """What a server is made of."""

    loop: str
    http: str

    def __str__(self) -> str:
        return f"{self.loop}-{self.http.rpartition(':')[2]}"


LOOPS = ["asyncio", *(["uvloop"] if importlib.util.find_spec("uvloop") else [])]
THEIRS = ["h11", *(["httptools"] if importlib.util.find_spec("httptools") else [])]
"""uvicorn's own HTTP classes. They parse the request and write it anew for the WebSocket class."""

OUR_STACKS = [Stack(loop, HTTP) for loop in LOOPS]
STACKS = [*(Stack(loop, http) for loop in LOOPS for http in THEIRS), *OUR_STACKS]
SOME_STACKS = [Stack(LOOPS[0], THEIRS[0]), Stack(LOOPS[-1], THEIRS[-1]), *OUR_STACKS]
"""Each loop and each HTTP class, where their combination does not matter."""


class Host:
    """A running server. Its applications are mounted at paths, so that each test brings its own."""

    def __init__(self, stack: Stack, **options: Any) -> None:
        self.stack = stack
        self._ready: Future[asyncio.AbstractEventLoop] = Future()
        self._apps: dict[str, ASGIApp] = {}
        self._wires: list[Wire] = []
        self._errors = _Errors()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.address: tuple[str, int] = self._listener.getsockname()
        config: dict[str, Any] = {
            "ws": WEBSOCKET,
            "loop": stack.loop,
            "http": stack.http,
            "interface": "asgi3",
            "lifespan": "on",
            "log_config": None,
            "access_log": False,
            **options,
        }
        self._server = _Server(uvicorn.Config(self._dispatch, **config), self)
        self._thread = threading.Thread(target=self._run, name=f"host-{stack}")

    def start(self) -> None:
        logging.getLogger().addHandler(self._errors)
        self._thread.start()
        self.loop = self._ready.result(SECONDS)

    def started(self, loop: asyncio.AbstractEventLoop) -> None:
        self._ready.set_result(loop)

    def stop(self) -> None:
        """Asks the server to go, as a signal does, and waits until it is gone."""
        self._server.should_exit = True
        self._thread.join(SECONDS)
        logging.getLogger().removeHandler(self._errors)
        assert not self._thread.is_alive(), "the server does not stop"

    def _run(self) -> None:
        try:
            self._server.run([self._listener])
        except SystemExit:
            self._ready.set_exception(AssertionError("the server does not start", self.take_errors()))

    def mount(self, app: ASGIApp) -> str:
        """The path under which this application answers, as every path below it."""
        path = f"/{len(self._apps)}"
        self._apps[path] = app
        return path

    def connect(self, *, receive_buffer: int | None = None) -> Wire:
        """A new TCP connection."""
        wire = Wire(self.address, receive_buffer=receive_buffer)
        self._wires.append(wire)
        return wire

    def open(self, app: ASGIApp, *lines: str, receive_buffer: int | None = None) -> Wire:
        """A WebSocket connection to this application."""
        wire = self.connect(receive_buffer=receive_buffer)
        wire.upgrade(self.mount(app), *lines)
        return wire

    def run(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        """Runs it in the server's loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop)

    def turn(self) -> None:
        """Lets the server read what was sent until now."""
        self.run(_two_turns()).result(SECONDS)

    def send_in_pieces(self, wire: Wire, *pieces: bytes) -> None:
        """Sends so that the server reads each piece alone."""
        for piece in pieces:
            wire.send(piece)
            self.turn()

    def settle(self) -> None:
        """Waits until nothing is left of any connection."""
        state = self._server.server_state
        deadline = time.monotonic() + SECONDS
        while state.connections or state.tasks:
            assert time.monotonic() < deadline, f"{len(state.connections)} connections, {len(state.tasks)} tasks stay"
            # Waiting for its end is also the pause between two looks.
            self._thread.join(0.002)

    def leave(self) -> None:
        """Closes what a test opened, and waits until nothing is left of it."""
        for wire in self._wires:
            wire.close()
        self._wires.clear()
        self.settle()

    def take_errors(self) -> list[str]:
        """What was logged as an error since the last call."""
        errors, self._errors.texts = self._errors.texts, []
        return errors

    async def _dispatch(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(scope, receive, send)
            return
        segments: list[str] = scope["path"].removeprefix(scope["root_path"]).split("/")
        app = self._apps["/" + segments[1]]
        await app(scope, receive, send)


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, host: Host) -> None:
        super().__init__(config)
        self._host = host

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self._host.started(asyncio.get_running_loop())


class _Errors(logging.Handler):
    """Keeps what is logged as an error, with its traceback."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(self.format(record))


async def _two_turns() -> None:
    # What this was called by may run before the sockets of its own turn.
    await asyncio.sleep(0)
    await asyncio.sleep(0)


async def _live(scope: Scope, receive: Receive, send: Send) -> None:
    scope["state"]["shared"] = []
    for answer in ("startup", "shutdown"):
        message: Message = await receive()
        assert message["type"] == f"lifespan.{answer}"
        await send({"type": f"lifespan.{answer}.complete"})


class Hosts:
    """The servers of a test run, each started when it is first asked for."""

    def __init__(self) -> None:
        self._hosts: dict[object, Host] = {}

    def get(self, stack: Stack, **options: Any) -> Host:
        key = (stack, tuple(sorted(options.items())))
        if key not in self._hosts:
            self._hosts[key] = Host(stack, **options)
            self._hosts[key].start()
        return self._hosts[key]

    def stop(self) -> None:
        with contextlib.ExitStack() as stack:
            for host in self._hosts.values():
                stack.callback(host.stop)


@contextlib.contextmanager
def running(stack: Stack, **options: Any) -> Generator[Host, None, None]:
    """A server of one's own, which the test may stop."""
    host = Host(stack, **options)
    host.start()
    try:
        yield host
    finally:
        host.stop()
