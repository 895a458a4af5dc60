"""`microsockets run`: what it prints, what its options do, and how it says that it cannot serve."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import resource
import shutil
import signal
import ssl
import subprocess
import sys
import tomllib
from collections.abc import Generator
from pathlib import Path
from signal import SIGINT, SIGTERM
from typing import Any

import pytest

from tests.server.running import ROOT, RUN, SECONDS, Running, client, running, serving, unix_client
from tests.server.serving import LOOPS
from tests.server.wire import TEXT, Wire, frame

pytestmark = pytest.mark.e2e

MIRROR = "tests.server.served.mirror:app"
PROXY = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https"}


def installed_command() -> tuple[str, ...]:
    """What the script that is installed as `microsockets` does."""
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    module, name = scripts["microsockets"].split(":")
    return "-c", f"import sys; from {module} import {name}; sys.exit({name}())", "run"


def seen(server: Running, **options: Any) -> dict[str, Any]:
    """What the application sees of a connection."""
    with client(server.port, "/mirror/me", **options) as peer:
        scope: dict[str, Any] = peer.request("look")
        return scope


@contextlib.contextmanager
def browsing(server: Running) -> Generator[http.client.HTTPConnection, None, None]:
    """An HTTP client that keeps its connection."""
    with contextlib.closing(http.client.HTTPConnection(*server.address, timeout=SECONDS)) as connection:
        yield connection


def run_and_fail(*arguments: str) -> tuple[int, str, str]:
    """Exit code, output and errors of a run that ends by itself."""
    ended = subprocess.run(
        [sys.executable, *RUN, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    return ended.returncode, ended.stdout, ended.stderr


# What it prints


@pytest.mark.parametrize("command", [RUN, installed_command()], ids=["python -m", "script"])
def test_it_prints_namespaces_events_and_url(tmp_path: Path, command: tuple[str, ...]) -> None:
    with running(tmp_path, *command, MIRROR, "--port", "0") as server:
        server.until_serving()
        lines = server.log.splitlines()
        assert lines[:6] == [
            "/mirror/{name}  Mirror",
            "    takes look, echo, flash",
            "    sends flashed, wiped",
            "    asks  confirm",
            "/quiet  Quiet",
            "/docs  their console",
        ]
        assert f"http://127.0.0.1:{server.port}" in server.log
        assert seen(server)["path"] == "/mirror/me"


def test_port_0_prints_the_port_that_was_picked(tmp_path: Path) -> None:
    for each in ("one", "two"):
        (tmp_path / each).mkdir()
    with serving(tmp_path / "one", MIRROR) as one, serving(tmp_path / "two", MIRROR) as two:
        assert 0 != one.port != two.port != 0
        assert seen(one)["path"] == seen(two)["path"] == "/mirror/me"


# Why it does not serve


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ("mirror", "'mirror' is no module:attribute; write mirror:app"),
        ("mirror:", "'mirror:' is no module:attribute; write mirror:app"),
        (":app", "':app' is no module:attribute; write main:app"),
        ("nowhere.at.all:app", "there is no module 'nowhere' here; run in its folder, or give --app-dir"),
        (
            "tests.server.served.nothing:app",
            "there is no module 'tests.server.served.nothing' here; run in its folder, or give --app-dir",
        ),
        (
            "tests.server.served.mirror:application",
            "'tests.server.served.mirror' has no 'application'; give the name of the application in it",
        ),
    ],
)
def test_a_wrong_target_is_told_in_one_sentence_with_status_2(target: str, sentence: str) -> None:
    code, output, errors = run_and_fail(target, "--port", "0")
    assert code == 2
    assert output == ""
    assert errors.splitlines()[-1] == f"Error: {sentence}"
    assert "Traceback" not in errors


@pytest.mark.parametrize(
    ("line", "end"),
    [
        ('raise LookupError("no colours")', "LookupError: no colours"),
        ("import nowhere_at_all", "ModuleNotFoundError: No module named 'nowhere_at_all'"),
        ("app = undefined", "NameError: name 'undefined' is not defined"),
    ],
)
def test_an_application_that_raises_shows_its_own_traceback(tmp_path: Path, line: str, end: str) -> None:
    (tmp_path / "broken.py").write_text(f"def build():\n    {line}\n\n\nbuild()\n")
    code, _, errors = run_and_fail("broken:app", "--app-dir", str(tmp_path), "--port", "0")
    assert code == 1
    assert f'{tmp_path / "broken.py"}", line 2, in build' in errors
    assert errors.splitlines()[-1] == end


def test_it_takes_as_many_descriptors_as_the_system_allows(tmp_path: Path) -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    few = (
        "import os, resource, sys; resource.setrlimit(resource.RLIMIT_NOFILE, (64, int(sys.argv[1]))); "
        "os.execv(sys.executable, [sys.executable, *sys.argv[2:]])"
    )
    with running(tmp_path, "-c", few, str(hard), *RUN, MIRROR, "--port", "0") as server:
        server.until_serving()
        with contextlib.ExitStack() as clients:
            peers = [clients.enter_context(client(server.port, "/mirror/me")) for _ in range(64)]
            assert [peer.request("echo", "here") for peer in peers] == ["here"] * 64


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    with serving(tmp_path, MIRROR) as server:
        code, _, errors = run_and_fail(MIRROR, "--port", str(server.port))
        assert code != 0
        assert "address already in use" in errors
        assert "Traceback" not in errors


def test_an_application_that_fails_at_start_up_ends_it_with_status_3(tmp_path: Path) -> None:
    (tmp_path / "failing.py").write_text(
        "from microsockets import Application\n\n\n"
        "def lifespan(app):\n    raise LookupError('no colours')\n\n\n"
        "app = Application(lifespan=lifespan)\n"
    )
    code, _, errors = run_and_fail("failing:app", "--app-dir", str(tmp_path), "--port", "0")
    assert code == 3
    assert "LookupError: no colours" in errors


# Where it listens


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize(("number", "code"), [(SIGTERM, -SIGTERM), (SIGINT, 0)], ids=["SIGTERM", "SIGINT"])
def test_uds_serves_on_a_unix_socket_and_removes_it_at_the_end(
    tmp_path: Path, loop: str, number: signal.Signals, code: int
) -> None:
    path = tmp_path / "socket"
    with serving(tmp_path, MIRROR, "--uds", str(path), "--loop", loop) as server:
        assert str(path) in server.log
        with unix_client(path, "/mirror/me") as peer:
            assert peer.request("echo", "hello") == "hello"
            # Whether there is a client, or which, a Unix socket does not tell.
            assert peer.request("look")["path"] == "/mirror/me"
        server.signal(number)
        assert server.ended() == code
        assert not path.exists()


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for this machine that nobody but we trust, and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl to make a certificate")
    made, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-out", str(made), "-keyout", str(key)),
        ],
        check=True,
        capture_output=True,
    )
    return made, key


@pytest.mark.parametrize("loop", LOOPS)
def test_a_certificate_makes_it_serve_wss_and_https(tmp_path: Path, loop: str) -> None:
    made, key = certificate(tmp_path)
    trusting = ssl.create_default_context(cafile=made)
    options = ("--ssl-certfile", str(made), "--ssl-keyfile", str(key), "--loop", loop, "--drain-seconds", "0.2")
    with serving(tmp_path, MIRROR, *options) as server:
        assert f"https://127.0.0.1:{server.port}" in server.log
        secure = http.client.HTTPSConnection(*server.address, context=trusting, timeout=SECONDS)
        with contextlib.closing(secure):
            secure.request("GET", "/page")
            assert json.load(secure.getresponse())["scheme"] == "https"
        with client(server.port, "/mirror/me", ssl=trusting) as peer:
            assert peer.request("look")["scheme"] == "wss"
            large = "x" * 60_000
            assert peer.request("echo", large) == large
            peer.close()
            assert peer.connection.close_code == 1000
        with client(server.port, "/mirror/me", ssl=trusting) as peer:
            server.signal(SIGTERM)
            assert peer.closed() == (1012, "restart")
        assert server.ended() == -SIGTERM


# What a message is made of


@pytest.mark.parametrize("loop", LOOPS)
def test_deflate_compresses_for_those_who_can(tmp_path: Path, loop: str) -> None:
    large = "abc" * 10_000
    with serving(tmp_path, MIRROR, "--deflate", "--loop", loop) as server:
        for compression in ("deflate", None):
            with client(server.port, "/mirror/me", compression=compression) as peer:
                response = peer.connection.response
                assert response is not None
                extensions = response.headers.get("Sec-WebSocket-Extensions")
                assert (extensions is not None and extensions.startswith("permessage-deflate")) == bool(compression)
                peer.send("flash", large)
                assert peer.event("flashed") == large
                assert peer.request("echo", large) == large


def test_without_deflate_nothing_is_compressed(tmp_path: Path) -> None:
    with serving(tmp_path, MIRROR) as server, client(server.port, "/mirror/me", compression="deflate") as peer:
        response = peer.connection.response
        assert response is not None
        assert "Sec-WebSocket-Extensions" not in response.headers
        assert peer.request("echo", "abc" * 1000) == "abc" * 1000


def test_ws_max_size_closes_for_a_larger_message_of_a_plain_asgi_application(tmp_path: Path) -> None:
    with serving(tmp_path, "tests.server.served.plain:deaf", "--ws-max-size", "1000") as server:
        wire = Wire(server.address)
        with contextlib.closing(wire):
            wire.upgrade("/deaf")
            wire.send(frame(TEXT, "x" * 1001))
            assert wire.closing().code == 1009
        server.open_gate()


# What a proxy says


def test_the_root_path_is_what_the_proxy_took_off(tmp_path: Path) -> None:
    with serving(tmp_path, MIRROR, "--root-path", "/api") as server:
        scope = seen(server)
        assert (scope["root_path"], scope["path"]) == ("/api", "/api/mirror/me")
        with browsing(server) as browser:
            browser.request("GET", "/docs/contract.json")
            assert b"/mirror/{name}" in browser.getresponse().read()


@pytest.mark.parametrize(
    ("options", "believed"),
    [
        ((), True),
        (("--no-proxy-headers",), False),
        (("--forwarded-allow-ips", "192.0.2.1"), False),
        (("--forwarded-allow-ips", "192.0.2.1,127.0.0.1"), True),
    ],
)
def test_proxy_headers_are_believed_from_this_machine_unless_told_otherwise(
    tmp_path: Path, options: tuple[str, ...], believed: bool
) -> None:
    with serving(tmp_path, MIRROR, *options) as server:
        scope = seen(server, additional_headers=PROXY)
        assert (scope["client"][0], scope["scheme"]) == (("203.0.113.7", "wss") if believed else ("127.0.0.1", "ws"))
        with browsing(server) as browser:
            browser.request("GET", "/page", headers=PROXY)
            page = json.load(browser.getresponse())
        assert (page["client"][0], page["scheme"]) == (("203.0.113.7", "https") if believed else ("127.0.0.1", "http"))


# The environment


def test_options_can_be_given_in_the_environment(tmp_path: Path) -> None:
    given = {
        "MICROSOCKETS_RUN_PORT": "0",
        "MICROSOCKETS_RUN_HOST": "localhost",
        "MICROSOCKETS_RUN_ROOT_PATH": "/environment",
        "MICROSOCKETS_RUN_PROXY_HEADERS": "false",
        "MICROSOCKETS_RUN_DEFLATE": "true",
    }
    with running(tmp_path, *RUN, MIRROR, **given) as server:
        server.until_serving()
        assert "http://localhost:" in server.log
        assert server.port != 8000
        with client(server.port, "/mirror/me", compression="deflate", additional_headers=PROXY) as peer:
            assert peer.connection.response is not None
            assert "Sec-WebSocket-Extensions" in peer.connection.response.headers
            scope = peer.request("look")
        assert scope["root_path"] == "/environment"
        assert scope["client"][0] == "127.0.0.1"


def test_an_option_counts_more_than_the_environment(tmp_path: Path) -> None:
    given = {"MICROSOCKETS_RUN_PORT": "1", "MICROSOCKETS_RUN_ROOT_PATH": "/environment"}
    with serving(tmp_path, MIRROR, "--root-path", "/option", **given) as server:
        assert seen(server)["root_path"] == "/option"


# HTTP


@pytest.mark.parametrize("loop", LOOPS)
def test_pages_and_bodies_are_served_over_one_connection(tmp_path: Path, loop: str) -> None:
    large = bytes(range(256)) * 2000
    with serving(tmp_path, MIRROR, "--loop", loop) as server, browsing(server) as browser:
        browser.request("GET", "/docs/contract.json")
        first = browser.getresponse()
        assert first.status == 200
        assert "flashed" in first.read().decode()
        own = browser.sock.getsockname()
        for body in (large, b"small", iter([large, b"more", large])):
            browser.request("POST", "/page", body)
            answer = browser.getresponse()
            assert answer.status == 200
            assert answer.read() == (body if isinstance(body, bytes) else large + b"more" + large)
        browser.request("HEAD", "/docs/contract.json")
        assert browser.getresponse().read() == b""
        browser.request("GET", "/page?query=1")
        assert json.load(browser.getresponse())["client"] == list(own)
        assert browser.sock.getsockname() == own
        lines = re.findall(r'"(\w+ [^ "]+) HTTP/1.1" 200', server.log)
        assert lines == [
            "GET /docs/contract.json",
            *["POST /page"] * 3,
            "HEAD /docs/contract.json",
            "GET /page?query=1",
        ]


@pytest.mark.parametrize("loop", LOOPS)
def test_a_body_may_come_in_pieces_and_requests_together(tmp_path: Path, loop: str) -> None:
    with serving(tmp_path, MIRROR, "--loop", loop) as server, contextlib.closing(Wire(server.address)) as wire:
        wire.send(b"POST /page HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhello")
        with contextlib.closing(Wire(server.address)) as other:
            # By its answer the first half has been read.
            other.send(b"GET /page HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert other.response().status == 200
        wire.send(b"world")
        assert wire.response().body == b"helloworld"
        wire.send(b"".join(b"POST /page HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n%d" % n for n in range(5)))
        assert [wire.response().body for _ in range(5)] == [b"0", b"1", b"2", b"3", b"4"]


@pytest.mark.parametrize("loop", LOOPS)
def test_a_websocket_may_follow_a_page_on_its_connection(tmp_path: Path, loop: str) -> None:
    with serving(tmp_path, MIRROR, "--loop", loop) as server, contextlib.closing(Wire(server.address)) as wire:
        wire.send(b"GET /page HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert wire.response().status == 200
        wire.upgrade("/mirror/me")
        wire.send(frame(TEXT, '{"event": "echo", "payload": "hello", "id": 1}'))
        assert json.loads(wire.message()) == {"ack": 1, "payload": "hello"}


def test_http_1_0_is_answered_and_closed(tmp_path: Path) -> None:
    with serving(tmp_path, MIRROR) as server, contextlib.closing(Wire(server.address)) as wire:
        wire.send(b"GET /page HTTP/1.0\r\n\r\n")
        answer = wire.response()
        assert json.loads(answer.body)["http_version"] == "1.0"
        wire.gone()


def test_what_is_no_request_is_answered_with_400(tmp_path: Path) -> None:
    with serving(tmp_path, MIRROR) as server, contextlib.closing(Wire(server.address)) as wire:
        wire.send(b"\x16\x03\x01 no HTTP\r\n\r\n")
        assert wire.response().status == 400
