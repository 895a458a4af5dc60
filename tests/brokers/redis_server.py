"""Private Redis servers: one, one that sentinels watch, and a cluster of three."""

from __future__ import annotations

import asyncio
import signal
from typing import Any, Final

from microsockets.brokers import Broker
from microsockets.brokers.redis import RedisBroker
from redis.asyncio import Redis
from redis.crc import key_slot
from redis.exceptions import ConnectionError as Unreachable
from redis.exceptions import ResponseError

from tests.brokers.backend import LONGEST_START, Backend, Process, free_port

_HELLO: Final = (b"PING\r\n", b"+PONG", b"-NOAUTH")
_SLOTS: Final = 16_384


class RedisServer:
    """One server."""

    def __init__(self, *options: str, bus_port: int = 0) -> None:
        self.port = free_port()
        self.bus_port = bus_port
        fixed = ("--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no")
        self.process = Process("redis-server", *fixed, *options)

    async def start(self) -> None:
        self.process.begin()
        await self.process.answers(self.port, *_HELLO)

    async def call(self, *command: Any) -> Any:
        """Runs one command."""
        async with Redis(port=self.port) as client:
            return await client.execute_command(*command)  # type: ignore[no-untyped-call]


class RedisBackend(Backend):
    """One server."""

    name = "redis"

    def __init__(self) -> None:
        self.servers = [RedisServer()]
        self.url = f"redis://127.0.0.1:{self.servers[0].port}"

    async def start(self) -> None:
        await asyncio.gather(*(server.start() for server in self.servers))

    async def stop(self) -> None:
        await asyncio.gather(*(server.process.end() for server in self.servers))

    def broker(self) -> Broker:
        return RedisBroker(self.url)

    async def kill(self) -> None:
        await asyncio.gather(*(server.process.kill() for server in self.servers))

    async def restart(self) -> None:
        await self.start()

    def freeze(self) -> None:
        for server in self.servers:
            server.process.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        for server in self.servers:
            server.process.signal(signal.SIGCONT)

    async def cut(self) -> None:
        for server in self.servers:
            await server.call("CLIENT", "KILL", "TYPE", "pubsub")

    async def inject(self, channel: str, data: bytes) -> None:
        await self.server_of(channel).call("SPUBLISH", channel, data)

    def server_of(self, channel: str) -> RedisServer:
        """Where a channel is."""
        return self.servers[0]


class RedisClusterBackend(RedisBackend):
    """A cluster of three servers without replicas."""

    name = "redis-cluster"

    def __init__(self) -> None:
        self.servers = [_cluster_node(free_port()) for _ in range(3)]
        self.url = "redis+cluster://" + ",".join(f"127.0.0.1:{server.port}" for server in self.servers)
        self.slots = [range(at * _SLOTS // 3, (at + 1) * _SLOTS // 3) for at in range(3)]

    async def start(self) -> None:
        await super().start()
        for server, slots in zip(self.servers, self.slots, strict=True):
            await server.call("CLUSTER", "ADDSLOTSRANGE", slots[0], slots[-1])
        first = self.servers[0]
        for server in self.servers[1:]:
            await first.call("CLUSTER", "MEET", "127.0.0.1", server.port, server.bus_port)
        await self._agreed()

    async def restart(self) -> None:
        await super().start()
        await self._agreed()

    async def _agreed(self) -> None:
        async with asyncio.timeout(LONGEST_START):
            for server in self.servers:
                while "cluster_state:ok" not in await self._info(server):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)

    async def _info(self, server: RedisServer) -> str:
        try:
            return str(await server.call("CLUSTER", "INFO"))
        except (Unreachable, ResponseError):
            return ""

    def server_of(self, channel: str) -> RedisServer:
        slot = key_slot(channel.encode())
        return next(server for server, slots in zip(self.servers, self.slots, strict=True) if slot in slots)


def _cluster_node(bus_port: int) -> RedisServer:
    options = ("--cluster-enabled", "yes", "--cluster-node-timeout", "2000", "--cluster-port", str(bus_port))
    return RedisServer(*options, bus_port=bus_port)


class Sentinels:
    """A master, a replica, and a sentinel that alone decides."""

    def __init__(self) -> None:
        self.master, self.replica = RedisServer(), RedisServer()
        self.port = free_port()
        self.sentinel = Process("redis-server", "sentinel.conf", "--sentinel")
        self.url = f"redis+sentinel://127.0.0.1:{self.port}/rooms"

    async def start(self) -> None:
        await asyncio.gather(self.master.start(), self.replica.start())
        await self.replica.call("REPLICAOF", "127.0.0.1", self.master.port)
        (self.sentinel.folder / "sentinel.conf").write_text(
            f"port {self.port}\n"
            "bind 127.0.0.1\n"
            f"sentinel monitor rooms 127.0.0.1 {self.master.port} 1\n"
            "sentinel down-after-milliseconds rooms 1000\n"
            "sentinel failover-timeout rooms 5000\n"
        )
        self.sentinel.begin()
        await self.sentinel.answers(self.port, *_HELLO)
        async with asyncio.timeout(LONGEST_START):
            while not await self._ask("SENTINEL", "REPLICAS", "rooms"):  # noqa: ASYNC110
                await asyncio.sleep(0.1)

    async def _ask(self, *command: Any) -> Any:
        async with Redis(port=self.port) as client:
            return await client.execute_command(*command)  # type: ignore[no-untyped-call]

    async def stop(self) -> None:
        processes = (self.sentinel, self.replica.process, self.master.process)
        await asyncio.gather(*(process.end() for process in processes))
