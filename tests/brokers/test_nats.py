"""What only NATS has: URLs, logins, several servers, limits of the server, connections that it cuts."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from microsockets.brokers import BrokerState
from microsockets.brokers.nats import NatsBroker
from microsockets.brokers.nats.url import read_url
from microsockets.errors import ConfigurationError, UsageError

from tests.brokers.backend import free_port, until
from tests.brokers.nats_server import NatsServer, stranger

LONGEST = 20.0


class Node:
    """A broker, and what came to it."""

    def __init__(self, url: str, **options: Any) -> None:
        self.broker = NatsBroker(url, **options)
        self.got: list[tuple[str, bytes]] = []
        self.states: list[BrokerState] = []

    @property
    def is_up(self) -> bool:
        return self.broker.state is BrokerState.UP

    def take(self, channel: str, data: bytes) -> None:
        self.got.append((channel, data))

    async def up(self) -> Node:
        self.broker.start(self.take, self.states.append)
        await until(lambda: self.is_up)
        return self


@asynccontextmanager
async def node(url: str, **options: Any) -> AsyncGenerator[Node]:
    one = Node(url, **options)
    try:
        yield await one.up()
    finally:
        await one.broker.stop()


@asynccontextmanager
async def served(more: str = "") -> AsyncGenerator[NatsServer]:
    server = NatsServer(more)
    try:
        await server.start()
        yield server
    finally:
        await server.stop()


@pytest.fixture
async def server() -> AsyncGenerator[NatsServer]:
    async with served() as one:
        yield one


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("nats://host", [("nats://host:4222", None, None, None)]),
        ("nats://host:1/", [("nats://host:1", None, None, None)]),
        ("tls://HOST:1", [("tls://host:1", None, None, None)]),
        ("nats://[::1]:7", [("nats://[::1]:7", None, None, None)]),
        ("nats://a%40b:c%2Fd%2C@host", [("nats://host:4222", "a@b", "c/d,", None)]),
        ("nats://t%3Aoken@host", [("nats://host:4222", None, None, "t:oken")]),
        ("ws://host/nats", [("ws://host:80/nats", None, None, None)]),
        ("wss://u:p@host", [("wss://host:443", "u", "p", None)]),
        (
            "nats://u:p@one,two:5,tls://v:q@three",
            [
                ("nats://one:4222", "u", "p", None),
                ("nats://two:5", "u", "p", None),
                ("tls://three:4222", "v", "q", None),
            ],
        ),
    ],
)
def test_what_a_url_says(url: str, expected: list[tuple[str, str | None, str | None, str | None]]) -> None:
    servers, credentials = read_url(url)
    assert credentials is None
    assert [(one.url, one.login.user, one.login.password, one.login.token) for one in servers] == expected


def test_a_url_may_name_a_file_with_credentials() -> None:
    assert read_url("tls://one,two?credentials=/run/a%20b.creds")[1] == "/run/a b.creds"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "host",
        "hunter2",
        "redis://:hunter2@host",
        "nats://",
        "nats://u:hunter2@",
        "nats://u:hunter2@host:0x1",
        "nats://u:hunter2@host:99999",
        "nats://u:hunter2/3@host",
        "nats://u:hunter2#3@host",
        "nats://u:hunter2?3@host",
        "nats://host?password=hunter2",
        "nats://host/?credentials=",
        "nats://[hunter2@host",
        "nats://u:hunter2@host/hunter2",
        "nats://u:hunter2@host,ws://other",
        "nats://u:hunter2@one,,two",
        "nats://u:hun ter2@host",
        "nats://u:hunter2@host\r\nPUB x 0",
    ],
)
def test_a_bad_url_is_told_in_one_sentence_that_quotes_nothing(url: str) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        NatsBroker(url)
    assert "hunter2" not in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert refusal.value.__cause__ is None


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"user": "u", "password": "hunter2"}, "in the URL or apart"),
        ({"token": "hunter2"}, "in the URL or apart"),
        ({"credentials": "/nowhere/hunter"}, "no file '/nowhere/hunter'"),
        ({"nkeys_seed": "/nowhere/hunter"}, "no file '/nowhere/hunter'"),
        ({"user": "u"}, "together"),
    ],
)
def test_options_that_can_never_work_are_refused(options: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as refusal:
        NatsBroker("nats://a:b@host", **options)  # type: ignore[arg-type]
    assert "hunter2" not in str(refusal.value)


def test_credentials_are_given_once(tmp_path: Path) -> None:
    (tmp_path / "one").touch()
    with pytest.raises(ConfigurationError, match="credentials in the URL or apart"):
        NatsBroker(f"nats://host?credentials={tmp_path / 'one'}", credentials=tmp_path / "one")


@pytest.mark.parametrize(
    ("missing", "arguments", "said"),
    [
        ("nats", "'nats://host'", 'NATS needs a package: pip install "microsockets[nats]"'),
        ("aiohttp", "'ws://host'", 'pip install "nats-py[aiohttp]"'),
        ("nkeys", "'nats://host', credentials='/dev/../etc/hosts'", 'pip install "nats-py[nkeys]"'),
    ],
)
def test_a_missing_package_is_told(missing: str, arguments: str, said: str) -> None:
    program = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        "from microsockets.brokers.nats import NatsBroker\n"
        f"NatsBroker({arguments})"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=LONGEST)
    last = ended.stderr.strip().splitlines()[-1]
    assert last.startswith("microsockets.errors.ConfigurationError: ")
    assert last.endswith(said)


@pytest.mark.parametrize(
    "channel",
    ["", "*", ">", "a.*", "a.>", "*.b", "a..b", ".a", "a.", "a b", "a\r\nPUB x 0\r\n", "a\tb", "é", "a" * 1025],
)
async def test_no_channel_is_a_wildcard_or_a_command(server: NatsServer, channel: str) -> None:
    async with node(server.url) as one:
        with pytest.raises(UsageError):
            one.broker.subscribe(channel)
        with pytest.raises(UsageError):
            one.broker.publish(channel, b"")
        await one.broker.subscribe("a.b")
        assert one.is_up


async def test_nothing_is_echoed_and_channels_are_subjects(server: NatsServer) -> None:
    async with node(server.url) as one:
        await one.broker.subscribe("room.1-a_B")
        assert one.broker.publish("room.1-a_B", b"own")
        async with stranger(server.port) as (_, writer):
            writer.write(b"PUB room.1-a_B 5\r\nhello\r\n")
        await until(lambda: one.got)
        assert one.got == [("room.1-a_B", b"hello")]


async def test_headers_and_replies_of_strangers_do_no_harm(server: NatsServer) -> None:
    async with node(server.url) as one:
        await one.broker.subscribe("a")
        async with stranger(server.port, headers=True) as (_, writer):
            headers = b"NATS/1.0\r\nx: \xff\xfe\r\n\r\n"
            sizes = len(headers), len(headers) + 3
            writer.write(b"HPUB a some.reply %d %d\r\n%babc\r\n" % (*sizes, headers))
            writer.write(b"PUB a 0\r\n\r\n")
        await until(lambda: len(one.got) == 2)
        assert one.got == [("a", b"abc"), ("a", b"")]


LOGINS: list[tuple[str, str, dict[str, str]]] = [
    ("authorization {{ user: 'us@er', password: {password!r} }}", "us%40er:{quoted}@", {"user": "us@er"}),
    ("authorization {{ token: {password!r} }}", "{quoted}@", {}),
]


@pytest.mark.parametrize(("conf", "userinfo", "options"), LOGINS, ids=["user", "token"])
async def test_logins(conf: str, userinfo: str, options: dict[str, str], caplog: pytest.LogCaptureFixture) -> None:
    password = "hunter2/,@:%"
    async with served(conf.format(password=password)) as server:
        place = f"127.0.0.1:{server.port}"
        async with node(f"nats://{userinfo.format(quoted='hunter2%2F%2C%40%3A%25')}{place}") as one:
            await one.broker.subscribe("a")
        apart = {**options, "password": password} if options else {"token": password}
        async with node(server.url, **apart) as one:
            await one.broker.subscribe("a")
        wrong = Node(f"nats://{userinfo.format(quoted='hunter2wrong')}{place}")
        wrong.broker.start(wrong.take, wrong.states.append)
        try:
            await until(lambda: "Authorization Violation" in caplog.text)
            assert wrong.states == [BrokerState.CONNECTING]
        finally:
            await wrong.broker.stop()
        assert "hunter2" not in caplog.text


def seed_and_key() -> tuple[bytes, str]:
    # It has no types.
    nkeys: Any = import_module("nkeys")
    seed = bytes(nkeys.encode_seed(os.urandom(32), nkeys.PREFIX_BYTE_USER))
    return seed, nkeys.from_seed(bytearray(seed)).public_key.decode()


async def test_a_seed_logs_in(tmp_path: Path) -> None:
    seed, key = seed_and_key()
    (tmp_path / "seed").write_bytes(seed)
    conf = f"authorization {{ users: [ {{ nkey: {key} }} ] }}"
    async with served(conf) as server, node(server.url, nkeys_seed=tmp_path / "seed") as one:
        await one.broker.subscribe("a")


# How nats-py passes a time limit to aiohttp.
@pytest.mark.filterwarnings("ignore:parameter 'timeout':DeprecationWarning")
async def test_websockets() -> None:
    port = free_port()
    conf = f"websocket {{ listen: '127.0.0.1:{port}', no_tls: true }}"
    async with served(conf) as server, node(f"ws://127.0.0.1:{port}") as one, node(server.url) as other:
        await one.broker.subscribe("a")
        assert other.broker.publish("a", b"x" * 100_000)
        await until(lambda: one.got)
        await other.broker.subscribe("a")
        assert one.broker.publish("a", b"y")
        await until(lambda: other.got)
        await server.kill()
        await until(lambda: not one.is_up)
        await server.start()
        await until(lambda: one.is_up)
        server.signal(signal.SIGSTOP)
        assert await until(lambda: not one.is_up) < 6
        server.signal(signal.SIGCONT)
        await until(lambda: one.is_up)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=DNS:localhost", "-keyout", "key.pem", "-out", "cert.pem"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder


async def test_tls(certificate: Path, caplog: pytest.LogCaptureFixture) -> None:
    trusting = ssl.create_default_context(cafile=str(certificate / "cert.pem"))
    files = f"cert_file: '{certificate / 'cert.pem'}', key_file: '{certificate / 'key.pem'}'"
    async with served(f"tls {{ {files} }}") as server:
        async with node(f"tls://localhost:{server.port}", tls=trusting) as one:
            await one.broker.subscribe("a")
        stranger_to_it = Node(f"tls://localhost:{server.port}")
        stranger_to_it.broker.start(stranger_to_it.take, stranger_to_it.states.append)
        await until(lambda: "self-signed certificate" in caplog.text or "self signed certificate" in caplog.text)
        await stranger_to_it.broker.stop()
        assert BrokerState.UP not in stranger_to_it.states


@pytest.mark.parametrize("scheme", ["nats", "tls"])
async def test_a_server_that_wants_no_encryption_gets_no_password(scheme: str) -> None:
    sent = asyncio.Event()
    got = b""

    async def pretend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal got
        writer.write(b'INFO {"server_id":"x","version":"2.9.0","max_payload":1000,"auth_required":true}\r\n')
        got += await reader.read(1000)
        sent.set()
        writer.close()

    pretender = await asyncio.start_server(pretend, "127.0.0.1", 0)
    port = pretender.sockets[0].getsockname()[1]
    one = Node(f"{scheme}://user:hunter2@127.0.0.1:{port}", tls=ssl.create_default_context())
    one.broker.start(one.take, one.states.append)
    async with asyncio.timeout(LONGEST):
        await sent.wait()
    await one.broker.stop()
    pretender.close()
    await pretender.wait_closed()
    assert got
    assert b"hunter2" not in got


async def test_a_server_that_is_not_there_is_passed_over() -> None:
    async with served() as server, node(f"nats://127.0.0.1:{free_port()},127.0.0.1:{server.port}") as one:
        await one.broker.subscribe("a")


@asynccontextmanager
async def cluster() -> AsyncGenerator[tuple[NatsServer, NatsServer]]:
    routes = [free_port(), free_port()]
    listed = ", ".join(f"'nats://127.0.0.1:{port}'" for port in routes)
    first, second = (f"cluster {{ name: c, listen: '127.0.0.1:{port}', routes: [{listed}] }}" for port in routes)
    async with served(first) as one, served(second) as two:
        await until(lambda: "Route connection created" in one.log and "Route connection created" in two.log)
        yield one, two


async def test_a_cluster_goes_on_without_one_of_its_servers() -> None:
    # Each is told of one server only, and hears of the other.
    async with cluster() as (one, two), node(one.url) as left, node(two.url) as right:
        await left.broker.subscribe("a")
        await right.broker.subscribe("a")
        await until(lambda: right.broker.publish("a", b"over the route") and left.got)
        await one.kill()
        await until(lambda: not left.is_up)
        await until(lambda: left.is_up)
        left.got.clear()
        assert right.broker.publish("a", b"on one server")
        assert left.broker.publish("a", b"and back")
        await until(lambda: left.got and ("a", b"and back") in right.got)
        assert left.got == [("a", b"on one server")]


async def test_largest_follows_the_server() -> None:
    async with served("max_payload: 1000") as server, node(server.url) as one, node(server.url) as other:
        assert one.broker.largest == 1000
        await other.broker.subscribe("a")
        with pytest.raises(UsageError, match="1001 bytes"):
            one.broker.publish("a", bytes(1001))
        assert one.broker.publish("a", bytes(1000))
        await until(lambda: other.got)
        assert one.is_up
        await server.kill()
        server.more = "max_payload: 5000"
        await server.start()
        await until(lambda: one.is_up and one.broker.largest == 5000)


async def test_what_the_server_does_not_permit_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    rights = "{ publish: { deny: 'no.>' }, subscribe: { deny: 'no.>' } }"
    conf = f"authorization {{ users: [ {{ user: u, password: p, permissions: {rights} }} ] }}"
    async with served(conf) as server, node(server.url, user="u", password="p") as one:
        await one.broker.subscribe("no.way")
        await one.broker.subscribe("yes")
        assert one.broker.publish("no.way", b"secret text")
        await until(lambda: one.broker.counters["broker_refused"] == 2)
        assert one.broker.counters["broker_lost"] == 1
        assert one.is_up
    assert caplog.text.count("NATS refuses") == 2
    assert "secret text" not in caplog.text


async def test_a_node_that_does_not_read_is_cut_off_and_returns() -> None:
    def flood(port: int) -> None:
        with socket.create_connection(("127.0.0.1", port)) as writer:
            writer.sendall(b'CONNECT {"verbose": false}\r\n')
            for _ in range(2_000):
                writer.sendall(b"PUB a 10000\r\n%b\r\n" % bytes(10_000))

    def take_long(channel: str, data: bytes) -> None:
        while "Slow Consumer" not in slow.log:
            time.sleep(0.01)

    async with served("max_payload: 20000\nmax_pending: 200000\nwrite_deadline: '500ms'") as slow:
        one = Node(slow.url)
        one.take = take_long  # type: ignore[method-assign]
        await one.up()
        await one.broker.subscribe("a")
        await asyncio.to_thread(flood, slow.port)
        await until(lambda: one.broker.counters["broker_down"] == 1)
        await until(lambda: one.is_up)
        await one.broker.stop()


async def test_many_subscriptions_cost_no_tasks_and_little_memory(server: NatsServer) -> None:
    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

    names = [f"room.{number}" for number in range(100_000)]
    async with node(server.url) as one, node(server.url) as other:
        tasks = len(asyncio.all_tasks())
        before = resident()
        # Half is asked for while there is no connection.
        for name in names[:50_000]:
            one.broker.subscribe(name)
        await server.kill()
        await until(lambda: not one.is_up)
        await asyncio.gather(*map(one.broker.subscribe, names[50_000:]))
        await server.start()
        assert await until(lambda: one.is_up and other.is_up) < 10
        assert resident() - before < 150_000_000, resident() - before
        assert len(asyncio.all_tasks()) <= tasks + 1
        for name in (names[0], names[50_000], names[-1]):
            assert other.broker.publish(name, name.encode())
        await until(lambda: len(one.got) == 3)


async def test_a_server_that_freezes_while_subscriptions_are_placed(server: NatsServer) -> None:
    one = Node(server.url)
    for number in range(100_000):
        one.broker.subscribe(f"a-channel-with-a-longer-name-than-most-have.{number}")
    server.signal(signal.SIGSTOP)
    one.broker.start(one.take, one.states.append)
    await asyncio.sleep(0)
    server.signal(signal.SIGCONT)
    await until(lambda: one.is_up)
    server.signal(signal.SIGSTOP)
    assert await until(lambda: not one.is_up) < 6
    server.signal(signal.SIGCONT)
    assert await until(lambda: one.is_up) < 10
    await one.broker.stop()


async def test_what_was_published_to_a_frozen_server_is_counted(server: NatsServer) -> None:
    async with node(server.url) as one, node(server.url) as other:
        await other.broker.subscribe("a")
        server.signal(signal.SIGSTOP)
        accepted = 0
        while one.broker.publish("a", bytes(100_000)):
            accepted += 1
            await asyncio.sleep(0)
        assert one.broker.congested
        began = time.monotonic()
        async with asyncio.timeout(LONGEST):
            await one.broker.ready()
        assert time.monotonic() - began < 6
        assert not one.is_up
        assert not one.broker.publish("a", b"late")
        counted = one.broker.counters["broker_lost"] + one.broker.counters["broker_unconfirmed"]
        assert accepted <= counted <= accepted + 1
        assert one.broker.counters["broker_lost"] > 0
        server.signal(signal.SIGCONT)
        await until(lambda: one.is_up and other.is_up)
        assert one.broker.publish("a", b"new")
        await until(lambda: ("a", b"new") in other.got)
        assert ("a", b"late") not in other.got


async def test_stopping_does_not_wait_for_a_frozen_server(server: NatsServer) -> None:
    tasks = asyncio.all_tasks()
    files = len(os.listdir("/proc/self/fd"))
    one = await Node(server.url).up()
    server.signal(signal.SIGSTOP)
    for _ in range(200):
        one.broker.publish("a", bytes(100_000))
    began = time.monotonic()
    await one.broker.stop()
    assert time.monotonic() - began < 3
    assert one.states[-1] is BrokerState.STOPPED
    assert BrokerState.DOWN not in one.states
    assert asyncio.all_tasks() == tasks
    assert len(os.listdir("/proc/self/fd")) == files


async def test_what_was_published_before_the_stop_gets_out(server: NatsServer) -> None:
    async with node(server.url) as other:
        await other.broker.subscribe("a")
        one = await Node(server.url).up()
        for number in range(5_000):
            assert one.broker.publish("a", b"%d" % number)
        await one.broker.stop()
        await one.broker.stop()
        assert not one.broker.publish("a", b"late")
        await until(lambda: len(other.got) == 5_000)
        assert [int(data) for _, data in other.got] == list(range(5_000))


async def test_a_broker_is_started_once(server: NatsServer) -> None:
    async with node(server.url) as one:
        with pytest.raises(UsageError, match="started once"):
            one.broker.start(one.take, one.states.append)


async def test_the_reason_is_logged_once_per_outage(server: NatsServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with node(server.url) as one:
        await server.kill()
        await until(lambda: "Connect call failed" in caplog.text)
        await server.start()
        await until(lambda: one.is_up)
    assert caplog.text.count("Connect call failed") == 1
    assert caplog.text.count("the broker is down") == 1
    assert caplog.text.count("the broker is up again") == 1
