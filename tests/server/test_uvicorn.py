"""What the server layer needs of uvicorn beyond its documented surface. A version without it fails here first.

Supported: 0.34 and newer.
"""

from __future__ import annotations

import inspect

import uvicorn
from microsockets.server import Config, HttpProtocol, Server, WebSocketProtocol
from uvicorn.config import HTTP_PROTOCOLS, WS_PROTOCOLS
from uvicorn.importer import import_from_string
from uvicorn.protocols.http.auto import AutoHTTPProtocol
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.server import ServerState
from uvicorn.supervisors import ChangeReload, Multiprocess, multiprocess

UVICORN = tuple(int(part) for part in uvicorn.__version__.split(".")[:2])


async def _app(scope: object, receive: object, send: object) -> None: ...


def parameters(function: object) -> set[str]:
    assert callable(function)
    return set(inspect.signature(function).parameters)


def test_the_version_is_a_supported_one() -> None:
    assert UVICORN >= (0, 34)


def test_protocol_classes_are_made_with_these_arguments() -> None:
    expected = {"config", "server_state", "app_state"}
    for theirs in (*WS_PROTOCOLS, *HTTP_PROTOCOLS):
        if theirs in ("wsproto", "websockets-sansio", "h11", "httptools"):
            found = import_from_string({**WS_PROTOCOLS, **HTTP_PROTOCOLS}[theirs])
            assert expected <= parameters(found)
    assert expected <= parameters(AutoHTTPProtocol)
    for ours in (WebSocketProtocol, HttpProtocol):
        assert {*expected, "_loop"} == parameters(ours)


def test_the_state_that_connections_share_has_these_members() -> None:
    state = ServerState()
    assert isinstance(state.connections, set)
    assert isinstance(state.tasks, set)
    assert isinstance(state.default_headers, list)


def test_the_configuration_has_these_members() -> None:
    config = Config(_app, log_config=None)
    config.load()
    assert config.loaded
    assert hasattr(config, "loaded_app")
    assert config.http_protocol_class is HttpProtocol
    assert config.ws_protocol_class is WebSocketProtocol
    assert config.asgi_version == "3.0"
    for name in (
        "limit_concurrency", "reload", "root_path", "should_reload", "uds", "workers", "ws_max_size",
        "ws_per_message_deflate", "ws_ping_interval", "ws_ping_timeout",
    ):  # fmt: skip
        assert hasattr(config, name), name


def test_the_server_has_these_members() -> None:
    server = Server(Config(_app, log_config=None))
    assert server._captured_signals == []
    assert (server.should_exit, server.force_exit, server.started) == (False, False, False)
    assert parameters(uvicorn.Server.shutdown) == {"self", "sockets"}
    assert parameters(uvicorn.Server.startup) == {"self", "sockets"}
    assert parameters(uvicorn.Server.handle_exit) == {"self", "sig", "frame"}
    assert inspect.iscoroutinefunction(uvicorn.Server.shutdown)


def test_the_supervisors_are_made_like_this() -> None:
    assert {"config", "target", "sockets"} <= parameters(ChangeReload)
    assert {"config", "sockets"} <= parameters(Multiprocess)
    if "target" not in parameters(Multiprocess):
        assert isinstance(multiprocess.Process.server, property)
        assert "_server" in inspect.getsource(multiprocess.Process.__init__)


def test_a_lost_client_is_an_os_error() -> None:
    assert issubclass(ClientDisconnected, OSError)
