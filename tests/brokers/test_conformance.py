"""What every broker does, whatever it talks to."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager

import pytest
from microsockets.brokers import BrokerState
from microsockets.errors import UsageError

from tests.brokers.backend import Backend, MemoryBackend, until
from tests.brokers.nats_server import NatsBackend
from tests.brokers.redis_server import RedisBackend, RedisClusterBackend

pytestmark = pytest.mark.brokers

NOTICED = 6.0
"""Seconds in which a server that does not answer counts as lost."""
BACK = 2.0
"""Seconds in which a broker is up again."""


@pytest.fixture(scope="module", params=[MemoryBackend, RedisBackend, RedisClusterBackend, NatsBackend])
def running(request: pytest.FixtureRequest) -> Generator[Backend]:
    backend: Backend = request.param()
    asyncio.run(backend.start())
    yield backend
    asyncio.run(backend.stop())


@pytest.fixture
def backend(running: Backend) -> Backend:
    return running


class Node:
    """A broker, and what came to it."""

    def __init__(self, backend: Backend) -> None:
        self.broker = backend.broker()
        self.got: list[tuple[str, bytes]] = []
        self.states: list[BrokerState] = []
        self.busy = 0.0

    @property
    def is_up(self) -> bool:
        return self.broker.state is BrokerState.UP

    def start(self) -> None:
        self.broker.start(self._take, self.states.append)

    def _take(self, channel: str, data: bytes) -> None:
        self.got.append((channel, data))
        if self.busy:
            time.sleep(self.busy)

    def on(self, channel: str) -> list[bytes]:
        return [data for name, data in self.got if name == channel]

    async def publish(self, channel: str, data: bytes) -> None:
        """Waits first where a publisher should."""
        if self.broker.congested:
            await self.broker.ready()
        assert self.broker.publish(channel, data)


@asynccontextmanager
async def nodes(backend: Backend, count: int) -> AsyncGenerator[list[Node]]:
    """Nodes that are up."""
    many = [Node(backend) for _ in range(count)]
    try:
        for each in many:
            each.start()
        for each in many:
            await until(lambda: each.is_up)  # noqa: B023
        yield many
    finally:
        for each in many:
            await each.broker.stop()


# Delivery


async def test_a_message_reaches_all_who_are_subscribed_and_nobody_else(backend: Backend) -> None:
    async with nodes(backend, 4) as (publisher, one, two, other):
        await one.broker.subscribe("a")
        await two.broker.subscribe("a")
        await other.broker.subscribe("b")
        await publisher.publish("a", b"first")
        await publisher.publish("b", b"second")
        await until(lambda: one.got and two.got and other.got)
        assert one.got == two.got == [("a", b"first")]
        assert other.got == [("b", b"second")]
        assert publisher.got == []


async def test_messages_of_one_publisher_on_one_channel_stay_in_order_and_come_once(backend: Backend) -> None:
    channels = [f"room.{number}" for number in range(5)]
    async with nodes(backend, 3) as (one, two, reader):
        for channel in channels:
            await reader.broker.subscribe(channel)
        for number in range(1_000):
            for publisher, name in ((one, b"one"), (two, b"two")):
                for channel in channels:
                    await publisher.publish(channel, b"%b %d" % (name, number))
        await until(lambda: len(reader.got) >= 10_000)
        for channel in channels:
            for name in (b"one", b"two"):
                found = [data for data in reader.on(channel) if data.startswith(name)]
                assert found == [b"%b %d" % (name, number) for number in range(1_000)]
        assert len(reader.got) == 10_000


@pytest.mark.parametrize("data", [b"", bytes(range(256)), b"\r\n" * 10, os.urandom(100_000)])
async def test_bytes_come_as_they_were(backend: Backend, data: bytes) -> None:
    async with nodes(backend, 2) as (publisher, reader):
        await reader.broker.subscribe("a")
        await publisher.publish("a", data)
        await until(lambda: reader.got)
        assert reader.got == [("a", data)]


async def test_subscribing_twice_is_no_change_and_unsubscribing_ends_it(backend: Backend) -> None:
    async with nodes(backend, 3) as (publisher, reader, witness):
        await reader.broker.subscribe("a")
        await reader.broker.subscribe("a")
        await witness.broker.subscribe("a")
        await publisher.publish("a", b"1")
        await until(lambda: reader.got)
        reader.broker.unsubscribe("a")
        reader.broker.unsubscribe("a")
        reader.broker.unsubscribe("never")
        # Done when the broker knows all of it.
        await reader.broker.subscribe("later")
        await publisher.publish("a", b"2")
        await until(lambda: len(witness.got) == 2)
        await reader.broker.subscribe("a")
        await publisher.publish("a", b"3")
        await until(lambda: len(reader.got) == 2)
        assert reader.on("a") == [b"1", b"3"]


async def test_a_storm_of_subscriptions_ends_as_it_was_last_said(backend: Backend) -> None:
    chance = random.Random(1)
    channels = [f"c{number}" for number in range(50)]
    wanted: set[str] = set()
    async with nodes(backend, 1) as (publisher,):
        reader = Node(backend)
        reader.start()
        try:
            for _ in range(3_000):
                channel = chance.choice(channels)
                if channel in wanted:
                    reader.broker.unsubscribe(channel)
                else:
                    reader.broker.subscribe(channel)
                wanted ^= {channel}
                if chance.random() < 0.05:
                    await asyncio.sleep(0)
            await until(lambda: reader.is_up)
            await asyncio.gather(*(reader.broker.subscribe(channel) for channel in wanted))
            for channel in channels:
                await publisher.publish(channel, b"x")
            await until(lambda: len(reader.got) >= len(wanted))
            assert sorted(channel for channel, _ in reader.got) == sorted(wanted)
        finally:
            await reader.broker.stop()


async def test_ten_thousand_channels(backend: Backend) -> None:
    channels = [f"many.{number}" for number in range(10_000)]
    async with nodes(backend, 2) as (publisher, reader):
        await asyncio.gather(*[reader.broker.subscribe(channel) for channel in channels])
        for channel in channels:
            await publisher.publish(channel, channel.encode())
        await until(lambda: len(reader.got) == len(channels))
        assert sorted(reader.got) == sorted((channel, channel.encode()) for channel in channels)
        for channel in channels:
            reader.broker.unsubscribe(channel)
        await reader.broker.subscribe("end")
        for channel in (*channels[:100], "end"):
            await publisher.publish(channel, b"again")
        await until(lambda: reader.on("end"))
        assert len(reader.got) == len(channels) + 1


async def test_a_busy_subscriber_gets_everything_in_order(backend: Backend) -> None:
    async with nodes(backend, 3) as (publisher, reader, other):
        reader.busy = 0.0005
        await reader.broker.subscribe("a")
        await other.broker.subscribe("a")
        expected = [b"%d" % number for number in range(2_000)]
        for data in expected:
            await publisher.publish("a", data)
        await until(lambda: len(reader.got) == len(other.got) == len(expected))
        assert reader.on("a") == other.on("a") == expected


async def test_what_strangers_publish_is_handed_on_as_bytes(backend: Backend) -> None:
    chance = random.Random(2)
    blobs = [chance.randbytes(chance.randrange(1, 2_000)) for _ in range(50)]
    async with nodes(backend, 1) as (reader,):
        await reader.broker.subscribe("a")
        for blob in blobs:
            await backend.inject("a", blob)
        await until(lambda: len(reader.got) == len(blobs))
        assert sorted(reader.on("a")) == sorted(blobs)
        assert reader.is_up


# Limits


async def test_too_much_at_once_is_refused_and_what_was_taken_arrives(backend: Backend) -> None:
    async with nodes(backend, 2) as (publisher, reader):
        await reader.broker.subscribe("a")
        taken = sum(publisher.broker.publish("a", b"%6d" % number) for number in range(20_000))
        assert taken >= 10_000
        await until(lambda: len(reader.got) == taken)
        numbers = [int(data) for data in reader.on("a")]
        assert numbers == sorted(set(numbers))
        await publisher.broker.ready()
        assert not publisher.broker.congested
        assert publisher.broker.counters["broker_lost"] == 0


async def test_a_flush_waits_until_all_is_written(backend: Backend) -> None:
    async with nodes(backend, 2) as (publisher, reader):
        await reader.broker.subscribe("a")
        for number in range(5_000):
            assert publisher.broker.publish("a", b"%d" % number)
        await publisher.broker.flush()
        # From here on nothing of the publisher runs that would still write.
        await until(lambda: len(reader.got) == 5_000)
        await publisher.broker.flush()


async def test_a_message_that_is_too_large_is_refused(backend: Backend) -> None:
    async with nodes(backend, 2) as (publisher, reader):
        await reader.broker.subscribe("a")
        with pytest.raises(UsageError):
            publisher.broker.publish("a", bytes(publisher.broker.largest + 1))
        await publisher.publish("a", b"next")
        await until(lambda: reader.got)
        assert reader.got == [("a", b"next")]


# Outages


async def test_an_outage_is_noticed_and_passes(backend: Backend) -> None:
    async with nodes(backend, 2) as (publisher, reader):
        await reader.broker.subscribe("before")
        await backend.kill()
        try:
            await until(lambda: not publisher.is_up and not reader.is_up, NOTICED)
            assert not publisher.broker.publish("before", b"stale")
            async with asyncio.timeout(1):
                await reader.broker.subscribe("meanwhile")
                await publisher.broker.ready()
        finally:
            await backend.restart()
        await until(lambda: publisher.is_up and reader.is_up, BACK)
        for channel in ("before", "meanwhile"):
            await publisher.publish(channel, b"fresh")
        await until(lambda: len(reader.got) == 2)
        assert sorted(reader.got) == [("before", b"fresh"), ("meanwhile", b"fresh")]
        up_and_down = [BrokerState.CONNECTING, BrokerState.UP, BrokerState.DOWN, BrokerState.UP]
        assert reader.states == publisher.states == up_and_down
        assert reader.broker.counters["broker_down"] == 1


async def test_a_frozen_server_is_noticed_and_comes_back(backend: Backend) -> None:
    async with nodes(backend, 2) as (publisher, reader):
        await reader.broker.subscribe("a")
        backend.freeze()
        try:
            await until(lambda: not publisher.is_up and not reader.is_up, NOTICED)
        finally:
            backend.thaw()
        await until(lambda: publisher.is_up and reader.is_up)
        await publisher.publish("a", b"fresh")
        await until(lambda: reader.got)
        assert reader.got[-1] == ("a", b"fresh")


async def test_connections_that_are_cut_again_and_again_are_made_again(backend: Backend) -> None:
    async with nodes(backend, 2) as (publisher, reader):
        await reader.broker.subscribe("a")
        for _ in range(10):
            await backend.cut()
            await asyncio.sleep(0.2)
        await until(lambda: publisher.is_up and reader.is_up)
        await reader.broker.subscribe("b")
        for channel in ("a", "b"):
            await publisher.publish(channel, b"fresh")
        await until(lambda: len(reader.got) == 2)
        assert sorted(reader.got) == [("a", b"fresh"), ("b", b"fresh")]


async def test_a_server_that_comes_later_is_found(backend: Backend) -> None:
    await backend.kill()
    reader = Node(backend)
    try:
        reader.start()
        await reader.broker.subscribe("a")
        assert not reader.broker.publish("a", b"stale")
        assert reader.broker.state is BrokerState.CONNECTING
    finally:
        await backend.restart()
    try:
        await until(lambda: reader.is_up, BACK)
        async with nodes(backend, 1) as (publisher,):
            await publisher.publish("a", b"fresh")
            await until(lambda: reader.got)
            assert reader.got == [("a", b"fresh")]
    finally:
        await reader.broker.stop()


# Stopping


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


async def test_a_stop_writes_what_was_published_and_leaves_nothing(backend: Backend) -> None:
    async with nodes(backend, 1) as (reader,):
        await reader.broker.subscribe("a")
        before = len(asyncio.all_tasks()), descriptors()
        for _ in range(3):
            publisher = Node(backend)
            publisher.start()
            await until(lambda: publisher.is_up)  # noqa: B023
            await publisher.broker.subscribe("b")
            for number in range(1_000):
                assert publisher.broker.publish("a", b"%d" % number)
            await publisher.broker.stop()
            await publisher.broker.stop()
            assert publisher.states == [BrokerState.CONNECTING, BrokerState.UP, BrokerState.STOPPED]
            assert publisher.broker.counters["broker_down"] == 0
            assert not publisher.broker.publish("a", b"late")
        await until(lambda: len(reader.got) == 3_000)
        assert (len(asyncio.all_tasks()), descriptors()) == before


async def test_a_stop_while_nobody_is_there_is_quick(backend: Backend) -> None:
    await backend.kill()
    try:
        before = len(asyncio.all_tasks()), descriptors()
        one = Node(backend)
        one.start()
        one.broker.subscribe("a")
        await asyncio.sleep(0)
        async with asyncio.timeout(3):
            await one.broker.stop()
        assert (len(asyncio.all_tasks()), descriptors()) == before
    finally:
        await backend.restart()
