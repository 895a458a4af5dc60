"""Redis 7 or newer as a broker, by sharded publish and subscribe (SSUBSCRIBE, SPUBLISH)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Final

from redis.crc import key_slot
from redis.exceptions import AuthenticationError, AuthorizationError, NoPermissionError, ResponseError

from ...errors import UsageError
from ..broker import (
    CONGESTED_BYTES,
    CONGESTED_MESSAGES,
    QUEUED_BYTES,
    QUEUED_MESSAGES,
    Broker,
    BrokerState,
    OnMessage,
    OnState,
)
from .line import LOST, Line, ask, connect, drop
from .url import Address, Place, read_url

logger = logging.getLogger("microsockets.broker")

_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 1.0
_CHANNELS_AT_ONCE: Final = 500
_STOP_SECONDS: Final = 1.0
_SLOTS: Final = 16_384


class RedisBroker(Broker):
    """Two connections to each Redis node, one that publishes and one that listens, each made again when it is lost.

    `url`: `redis://`, `rediss://` or `unix://`; `redis+sentinel://host,host/master`; `redis+cluster://host,host`.
    `options` are those of redis-py's connections, such as `username` and `password`. A server that does not answer for
    five seconds counts as lost. Order holds within a channel. Raises `ConfigurationError`.
    """

    def __init__(self, url: str, **options: Any) -> None:
        super().__init__()
        self._place = read_url(url, options)
        self._wanted: dict[str, asyncio.Future[None] | None] = {}
        """Channels, with what waits for the subscription to be in place."""
        self._nodes: dict[Address | None, _Node] = {}
        self._slots: list[_Node | None] = [None] * (_SLOTS if self._place.kind == "cluster" else 1)
        self._on_message: OnMessage | None = None
        self._map: asyncio.Task[None] | None = None
        self._look_again = asyncio.Event()

    # The contract

    def start(self, on_message: OnMessage, on_state: OnState) -> None:
        self._on_message, self._on_state = on_message, on_state
        self._turn(BrokerState.CONNECTING)
        if self._place.kind == "cluster":
            self._map = asyncio.get_running_loop().create_task(self._keep_map())
        else:
            self._slots[0] = self._nodes[None] = _Node(self, None)

    def subscribe(self, channel: str) -> asyncio.Future[None]:
        waiting = self._wanted.get(channel)
        if waiting is not None:
            return waiting
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        node = self._node_of(channel)
        if channel in self._wanted or not self._want(channel, node):
            self._wanted.setdefault(channel, None)
            future.set_result(None)
            return future
        self._wanted[channel] = future
        return future

    def _want(self, channel: str, node: _Node | None) -> bool:
        return node is not None and node.subscribe(channel)

    def unsubscribe(self, channel: str) -> None:
        if channel in self._wanted:
            self.settle(channel)
            del self._wanted[channel]
            node = self._node_of(channel)
            if node is not None:
                node.unsubscribe(channel)

    def publish(self, channel: str, data: bytes) -> bool:
        if len(data) > self.largest:
            raise UsageError(f"a message of {len(data)} bytes: the broker takes at most {self.largest}")
        # A cluster without one of its servers is down as a whole: half of the rooms would be worse to understand.
        node = self._node_of(channel) if self.state is BrokerState.UP else None
        return node is not None and node.publish(channel, data)

    @property
    def congested(self) -> bool:
        return any(node.congested for node in self._nodes.values())

    async def ready(self) -> None:
        for node in list(self._nodes.values()):
            await node.keeps_up()

    async def flush(self) -> None:
        for node in list(self._nodes.values()):
            await node.flush()

    async def stop(self) -> None:
        if self.state is BrokerState.STOPPED:
            return
        if self._map is not None:
            self._map.cancel()
            await asyncio.wait({self._map})
        for channel in self._wanted:
            self.settle(channel)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_STOP_SECONDS):
                await self.flush()
        self._turn(BrokerState.STOPPED)
        await asyncio.gather(*(node.stop() for node in self._nodes.values()))
        self._nodes.clear()

    # For the nodes

    @property
    def place(self) -> Place:
        """Where Redis is."""
        return self._place

    @property
    def wanted(self) -> Iterable[str]:
        """The channels that are subscribed, or will be."""
        return self._wanted

    def wants(self, channel: str) -> bool:
        """Whether a channel is subscribed, or will be."""
        return channel in self._wanted

    def receive(self, channel: bytes, data: bytes) -> None:
        """A message."""
        name = channel.decode("ascii", "replace")
        if name in self._wanted and self._on_message is not None:
            self._on_message(name, data)

    def settle(self, channel: str) -> None:
        """A subscription is in place, or cannot be just now."""
        waiting = self._wanted.get(channel)
        if waiting is not None:
            self._wanted[channel] = None
            if not waiting.done():
                waiting.set_result(None)

    def noticed(self) -> None:
        """A node is ready, or no more."""
        is_mapped = self._place.kind != "cluster" or (None not in self._slots)
        if is_mapped and all(node.is_ready for node in self._nodes.values()):
            self._turn(BrokerState.UP)
        elif self.state is BrokerState.UP:
            self._turn(BrokerState.DOWN)

    def outdated(self) -> None:
        """The map of the cluster does not hold any more."""
        self._look_again.set()

    def is_at(self, channel: str, node: _Node) -> bool:
        """Whether a channel belongs to a node."""
        return self._node_of(channel) is node

    def _node_of(self, channel: str) -> _Node | None:
        return self._slots[key_slot(channel.encode()) if len(self._slots) > 1 else 0]

    # The map of a cluster

    async def _keep_map(self) -> None:
        pause = _FIRST_PAUSE
        while True:
            self._look_again.clear()
            found = await self._read_map()
            if found is not None:
                await self._use(found)
                pause = _FIRST_PAUSE
                await self._look_again.wait()
            # A map that is outdated at once is not asked for without a pause.
            await asyncio.sleep(pause * (0.5 + random.random()))
            pause = min(_LONGEST_PAUSE, pause * 2)

    async def _read_map(self) -> dict[Address, list[tuple[int, int]]] | None:
        known = [address for address in self._nodes if address is not None]
        for host, port in dict.fromkeys([*known, *self._place.seeds]):
            connection = None
            try:
                connection = await connect(self._place, host=host, port=port)
                reply = await ask(connection, "CLUSTER", "SLOTS")
            except (*LOST, TimeoutError) as error:
                _explain(error)
                continue
            finally:
                if connection is not None:
                    await drop(connection)
            found: dict[Address, list[tuple[int, int]]] = {}
            for first, last, master, *_ in reply:
                # A node that does not know its own name is the one that was asked.
                address = ((master[0] or b"").decode() or host, int(master[1]))
                found.setdefault(address, []).append((int(first), int(last)))
            if found:
                return found
        return None

    async def _use(self, found: dict[Address, list[tuple[int, int]]]) -> None:
        before = list(self._slots)
        gone = [self._nodes.pop(address) for address in list(self._nodes) if address not in found]
        slots: list[_Node | None] = [None] * _SLOTS
        for address, ranges in found.items():
            node = self._nodes.get(address) or _Node(self, address)
            self._nodes[address] = node
            for first, last in ranges:
                slots[first : last + 1] = [node] * (last + 1 - first)
        self._slots = slots
        for channel in self._wanted:
            slot = key_slot(channel.encode())
            was, now = before[slot], slots[slot]
            if was is not now:
                if was is not None and was not in gone:
                    was.unsubscribe(channel)
                if now is not None:
                    now.subscribe(channel)
        await asyncio.gather(*(node.stop() for node in gone))
        self.noticed()


class _Node:
    """One Redis server."""

    def __init__(self, broker: RedisBroker, address: Address | None) -> None:
        self._broker = broker
        self._address = address
        self._publisher: Line | None = None
        self._subscriber: Line | None = None
        self._is_subscribed = False
        self._unanswered = 0
        self._replied = asyncio.Event()
        self._confirming: Counter[str] = Counter()
        self._marks = 0
        loop = asyncio.get_running_loop()
        self._tasks = [
            loop.create_task(self._keep(self._open_publisher, self._publisher_lost)),
            loop.create_task(self._keep(self._open_subscriber, self._subscriber_lost)),
        ]

    @property
    def is_ready(self) -> bool:
        return self._publisher is not None and self._is_subscribed

    def publish(self, channel: str, data: bytes) -> bool:
        line = self._publisher
        if line is None or line.is_lost:
            return False
        messages, size = line.waiting
        if messages >= QUEUED_MESSAGES or size + len(data) > QUEUED_BYTES:
            return False
        line.send("SPUBLISH", channel, data)
        self._unanswered += 1
        return True

    @property
    def congested(self) -> bool:
        if self._publisher is None:
            return False
        messages, size = self._publisher.waiting
        return messages >= CONGESTED_MESSAGES or size >= CONGESTED_BYTES

    async def keeps_up(self) -> None:
        while self.congested and self._publisher is not None and not self._publisher.is_lost:
            await self._publisher.progress()

    async def flush(self) -> None:
        """Waits until Redis has replied to all that was published. Closing before, with replies unread, would reset the
        connection and what it still holds."""
        while self._unanswered:
            self._replied.clear()
            await self._replied.wait()

    def subscribe(self, channel: str) -> bool:
        """Whether there is something to wait for."""
        if self._subscriber is None or self._subscriber.is_lost:
            return False
        self._confirming[channel] += 1
        self._subscriber.send("SSUBSCRIBE", channel)
        return True

    def unsubscribe(self, channel: str) -> None:
        if self._subscriber is not None and not self._subscriber.is_lost:
            self._subscriber.send("SUNSUBSCRIBE", channel)

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)

    async def _keep(self, open: Callable[[], Any], lost: Callable[[], None]) -> None:
        """Keeps one of the connections: opens it, runs it, and does so again with pauses that grow."""
        pause = _FIRST_PAUSE
        while True:
            try:
                line: Line = await open()
            except (*LOST, TimeoutError) as error:
                _explain(error)
                self._broker.outdated()
            else:
                pause = _FIRST_PAUSE
                try:
                    await line.run()
                finally:
                    lost()
                self._broker.outdated()
            await asyncio.sleep(pause * random.random())
            pause = min(_LONGEST_PAUSE, pause * 2)

    async def _address_now(self) -> dict[str, Any]:
        if self._broker.place.kind == "sentinel":
            host, port = await _master(self._broker.place)
            return {"host": host, "port": port}
        if self._address is not None:
            return {"host": self._address[0], "port": self._address[1]}
        return {}

    async def _open_publisher(self) -> Line:
        connection = await connect(self._broker.place, **await self._address_now())
        await _check_is_master(self._broker.place, connection)
        self._unanswered = 0
        self._publisher = Line(connection, self._published)
        self._broker.noticed()
        return self._publisher

    def _publisher_lost(self) -> None:
        if self._unanswered:
            self._broker.counters["broker_lost"] += self._unanswered
        self._unanswered = 0
        self._replied.set()
        self._publisher = None
        self._broker.noticed()

    def _published(self, reply: Any) -> None:
        if isinstance(reply, bytes):
            # The answer to PING.
            return
        self._unanswered -= 1
        self._replied.set()
        if isinstance(reply, Exception):
            self._broker.counters["broker_lost"] += 1
            _explain(reply)
            self._broker.outdated()

    async def _open_subscriber(self) -> Line:
        connection = await connect(self._broker.place, **await self._address_now())
        await _check_is_master(self._broker.place, connection)
        self._confirming.clear()
        self._marks += 1
        self._subscriber = line = Line(connection, self._heard)
        channels = [channel for channel in self._broker.wanted if self._broker.is_at(channel, self)]
        # In a cluster, the channels of one command would have to be of one slot.
        size = _CHANNELS_AT_ONCE if self._address is None else 1
        for start in range(0, len(channels), size):
            line.send("SSUBSCRIBE", *channels[start : start + size])
        self._confirming.update(channels)
        # What comes after this has come after the subscriptions.
        line.send("PING", self._mark)
        return line

    @property
    def _mark(self) -> bytes:
        return b"subscribed %d" % self._marks

    def _subscriber_lost(self) -> None:
        if self._subscriber is not None and self._subscriber.was_silent and self._publisher is not None:
            # What would still be written might be read much later.
            self._publisher.close()
        self._subscriber = None
        self._is_subscribed = False
        for channel in self._confirming:
            self._broker.settle(channel)
        self._confirming.clear()
        self._broker.noticed()

    def _heard(self, reply: Any) -> None:
        match reply:
            case [b"smessage", channel, data]:
                self._broker.receive(channel, data)
            case [b"ssubscribe", channel, _]:
                self._confirmed(channel.decode("ascii", "replace"))
            case [b"sunsubscribe", *_]:
                # Redis says this of its own accord when a slot has moved.
                self._check_moved(reply[1])
            case [b"pong", mark] | (bytes() as mark):
                if mark == self._mark:
                    self._is_subscribed = True
                    self._broker.noticed()
            case Exception():
                _explain(reply)
                self._broker.outdated()
                if self._subscriber is not None:
                    self._subscriber.close()
            case _:
                return

    def _confirmed(self, channel: str) -> None:
        self._confirming[channel] -= 1
        if self._confirming[channel] <= 0:
            del self._confirming[channel]
            self._broker.settle(channel)

    def _check_moved(self, channel: bytes | None) -> None:
        name = (channel or b"").decode("ascii", "replace")
        if self._address is not None and self._broker.is_at(name, self) and self._broker.wants(name):
            self._broker.outdated()
            if self._subscriber is not None:
                self._subscriber.close()


async def _master(place: Place) -> Address:
    """Whom the sentinels call the master. Raises `ConnectionError` if none does."""
    for host, port in place.seeds:
        connection = None
        try:
            connection = await connect(_without_login(place), host=host, port=port)
            reply = await ask(connection, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", place.master)
            if reply:
                return reply[0].decode(), int(reply[1])
        except (*LOST, TimeoutError):
            continue
        finally:
            if connection is not None:
                await drop(connection)
    raise ConnectionError(f"no sentinel knows a master {place.master!r}")


def _without_login(place: Place) -> Place:
    options = {name: value for name, value in place.options.items() if name not in ("username", "password", "db")}
    return Place(place.kind, place.seeds, place.master, options, place.connection_class)


async def _check_is_master(place: Place, connection: Any) -> None:
    """A master that has become a replica hands nothing on. Raises `ConnectionError`."""
    if place.kind != "sentinel":
        return
    try:
        role = await ask(connection, "ROLE")
    except BaseException:
        await drop(connection)
        raise
    if role[0] != b"master":
        await drop(connection)
        raise ConnectionError("the sentinels name a replica")


def _explain(error: Exception) -> None:
    """Says what to do about an error that does not pass by itself."""
    text = str(error)
    if isinstance(error, AuthenticationError | AuthorizationError | NoPermissionError) or "NOAUTH" in text:
        logger.error("Redis does not let us in: check the user and the password in the URL, and what they may do")
    elif isinstance(error, ResponseError) and "unknown command" in text.lower():
        logger.error("this Redis is too old: it takes version 7 or newer, for SSUBSCRIBE")
