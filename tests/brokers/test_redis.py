"""What only Redis has: URLs, logins, sentinels, clusters that move channels, subscribers that are cut off."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from microsockets.brokers import BrokerState
from microsockets.brokers.redis import RedisBroker
from microsockets.brokers.redis.url import read_url
from microsockets.errors import ConfigurationError
from redis.crc import key_slot

from tests.brokers.backend import until
from tests.brokers.redis_server import RedisClusterBackend, RedisServer, Sentinels

pytestmark = pytest.mark.brokers


class Node:
    """A broker, and what came to it."""

    def __init__(self, url: str, **options: Any) -> None:
        self.broker = RedisBroker(url, **options)
        self.got: list[tuple[str, bytes]] = []

    @property
    def is_up(self) -> bool:
        return self.broker.state is BrokerState.UP

    def start(self) -> None:
        self.broker.start(lambda channel, data: self.got.append((channel, data)), lambda state: None)


@asynccontextmanager
async def node(url: str, **options: Any) -> AsyncGenerator[Node]:
    one = Node(url, **options)
    one.start()
    try:
        await until(lambda: one.is_up)
        yield one
    finally:
        await one.broker.stop()


@asynccontextmanager
async def served(*options: str) -> AsyncGenerator[RedisServer]:
    server = RedisServer(*options)
    try:
        await server.start()
        yield server
    finally:
        await server.process.end()


# URLs


@pytest.mark.parametrize(
    ("url", "kind", "seeds", "master"),
    [
        ("redis://host", "single", (), ""),
        ("rediss://u:p@host:1/2", "single", (), ""),
        ("unix:///run/redis.sock", "single", (), ""),
        ("redis+sentinel://host/main", "sentinel", (("host", 26379),), "main"),
        ("redis+sentinel://u:p@one:1,two/main/3", "sentinel", (("one", 1), ("two", 26379)), "main"),
        ("redis+cluster://one,[::1]:7,[::2]", "cluster", (("one", 6379), ("::1", 7), ("::2", 6379)), ""),
        ("rediss+cluster://u:p@one", "cluster", (("one", 6379),), ""),
    ],
)
def test_what_a_url_says(url: str, kind: str, seeds: tuple[tuple[str, int], ...], master: str) -> None:
    place = read_url(url, {})
    assert (place.kind, place.seeds, place.master) == (kind, seeds, master)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hunter2",
        "http://:hunter2@host",
        "redis+other://:hunter2@host",
        "redis://:hunter2@host:port",
        "redis+sentinel://:hunter2@host",
        "redis+sentinel://:hunter2@host:0/main",
        "redis+sentinel://:hunter2@host:x/main",
        "redis+sentinel://:hunter2@,/main",
        "redis+cluster://:hunter2@host/1/2",
        "redis+cluster://:hunter2@",
    ],
)
def test_a_bad_url_is_told_without_the_password(url: str) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        RedisBroker(url)
    assert "hunter2" not in str(refusal.value)
    assert refusal.value.__suppress_context__


def test_a_missing_package_is_told() -> None:
    program = "import sys; sys.modules['redis'] = None\nimport microsockets.brokers.redis"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=20)
    assert ended.stderr.rstrip().endswith(
        'ConfigurationError: Redis needs a package: pip install "microsockets[redis]"'
    )


# Logins


async def test_logins(caplog: pytest.LogCaptureFixture) -> None:
    async with served("--requirepass", "hunter2/@:%") as server:
        host = f"127.0.0.1:{server.port}"
        async with node(f"redis://:hunter2%2F%40%3A%25@{host}") as one:
            await one.broker.subscribe("a")
        async with node(f"redis://{host}", password="hunter2/@:%") as one:
            await one.broker.subscribe("a")
        wrong = Node(f"redis://:hunter3@{host}")
        wrong.start()
        try:
            await until(lambda: "check the user and the password" in caplog.text)
            assert not wrong.is_up
        finally:
            await wrong.broker.stop()
        assert "hunter" not in caplog.text


async def test_what_redis_does_not_permit_is_told_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    async with served() as server:
        await server.call("ACL", "SETUSER", "u", "on", ">p", "+@all", "-spublish", "resetchannels", "&yes*")
        async with node(f"redis://u:p@127.0.0.1:{server.port}") as one:
            assert one.broker.publish("yes", b"secret text")
            await until(lambda: one.broker.counters["broker_lost"] == 1)
        assert "secret text" not in caplog.text


# Sentinel


async def test_sentinels_lead_to_the_next_master() -> None:
    sentinels = Sentinels()
    try:
        await sentinels.start()
        async with node(sentinels.url) as publisher, node(sentinels.url) as reader:
            await reader.broker.subscribe("a")
            assert publisher.broker.publish("a", b"before")
            await until(lambda: reader.got == [("a", b"before")])
            await sentinels.master.process.kill()
            await until(lambda: not publisher.is_up and not reader.is_up)
            await until(lambda: publisher.is_up and reader.is_up)
            assert publisher.broker.publish("a", b"after")
            await until(lambda: len(reader.got) == 2)
            assert reader.got[1] == ("a", b"after")
            assert (await sentinels.replica.call("ROLE"))[0] == b"master"
    finally:
        await sentinels.stop()


# Cluster


async def test_channels_that_move_to_another_server_are_followed() -> None:
    backend = RedisClusterBackend()
    channel = "moves"
    slot = key_slot(channel.encode())
    try:
        await backend.start()
        source = backend.server_of(channel)
        target = next(server for server in backend.servers if server is not source)
        async with node(backend.url) as publisher, node(backend.url) as reader:
            await reader.broker.subscribe(channel)
            assert publisher.broker.publish(channel, b"before")
            await until(lambda: reader.got == [(channel, b"before")])
            ids = {server: (await server.call("CLUSTER", "MYID")).decode() for server in backend.servers}
            for server in (target, source, *backend.servers):
                await server.call("CLUSTER", "SETSLOT", slot, "NODE", ids[target])

            async def arrives() -> bool:
                publisher.broker.publish(channel, b"after")
                await asyncio.sleep(0.05)
                return (channel, b"after") in reader.got

            async with asyncio.timeout(20):
                while not await arrives():
                    pass
            await until(lambda: publisher.is_up and reader.is_up)
    finally:
        await backend.stop()


async def test_a_cluster_without_one_of_its_servers_is_down_until_it_is_back() -> None:
    backend = RedisClusterBackend()
    try:
        await backend.start()
        async with node(backend.url) as one:
            await backend.servers[1].process.kill()
            await until(lambda: not one.is_up)
            await backend.servers[1].start()
            await until(lambda: one.is_up)
    finally:
        await backend.stop()


# Subscribers that do not read


async def test_a_subscriber_that_does_not_read_delays_nobody() -> None:
    async with (
        served("--client-output-buffer-limit", "pubsub 1mb 1mb 1") as server,
        node(f"redis://127.0.0.1:{server.port}") as publisher,
        node(f"redis://127.0.0.1:{server.port}") as reader,
    ):
        await reader.broker.subscribe("a")
        stuck, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1)
        writer.write(b"SSUBSCRIBE a\r\n")
        await stuck.read(1)
        before = await server.call("PUBSUB", "SHARDNUMSUB", "a")
        sent = 0
        while (await server.call("PUBSUB", "SHARDNUMSUB", "a"))[1] == before[1]:
            if publisher.broker.congested:
                await publisher.broker.ready()
            sent += publisher.broker.publish("a", bytes(100_000))
            assert sent < 2_000
        await until(lambda: len(reader.got) == sent)
        assert reader.is_up
        writer.close()
