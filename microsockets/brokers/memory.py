"""A broker for several applications in one process, such as in tests."""

from __future__ import annotations

import asyncio

from ..errors import UsageError
from .broker import Broker, BrokerState, OnMessage, OnState


class MemoryBus:
    """What `MemoryBroker`s share; `is_up` may be set to False and back, which they notice at once."""

    def __init__(self) -> None:
        self._brokers: list[MemoryBroker] = []
        self._channels: dict[str, dict[MemoryBroker, None]] = {}
        self._is_up = True

    @property
    def is_up(self) -> bool:
        """Whether messages pass."""
        return self._is_up

    @is_up.setter
    def is_up(self, value: bool) -> None:
        self._is_up = value
        for broker in list(self._brokers):
            broker.notice()

    @property
    def channels(self) -> dict[str, int]:
        """How many are subscribed to each channel."""
        return {channel: len(brokers) for channel, brokers in self._channels.items()}

    def add(self, broker: MemoryBroker) -> None:
        """Takes a broker in."""
        self._brokers.append(broker)

    def remove(self, broker: MemoryBroker) -> None:
        """Lets a broker go."""
        if broker in self._brokers:
            self._brokers.remove(broker)
        for channel in list(self._channels):
            self.unsubscribe(broker, channel)

    def subscribe(self, broker: MemoryBroker, channel: str) -> None:
        """Passes messages of a channel to a broker."""
        self._channels.setdefault(channel, {})[broker] = None

    def unsubscribe(self, broker: MemoryBroker, channel: str) -> None:
        """Passes no more."""
        subscribed = self._channels.get(channel)
        if subscribed is not None:
            subscribed.pop(broker, None)
            if not subscribed:
                del self._channels[channel]

    def pass_on(self, channel: str, data: bytes) -> None:
        """Gives a message to whoever is subscribed."""
        for broker in list(self._channels.get(channel, ())):
            broker.receive(channel, data)


class MemoryBroker(Broker):
    """Passes messages within one event loop. What is published arrives in a later turn of the loop, as elsewhere."""

    def __init__(self, bus: MemoryBus) -> None:
        super().__init__()
        self._bus = bus
        self._on_message: OnMessage | None = None

    def start(self, on_message: OnMessage, on_state: OnState) -> None:
        self._on_message, self._on_state = on_message, on_state
        self._bus.add(self)
        self._turn(BrokerState.CONNECTING)
        asyncio.get_running_loop().call_soon(self.notice)

    def notice(self) -> None:
        """The bus is up or down."""
        if self._on_message is not None:
            if self._bus.is_up:
                self._turn(BrokerState.UP)
            elif self.state is BrokerState.UP:
                self._turn(BrokerState.DOWN)

    def subscribe(self, channel: str) -> asyncio.Future[None]:
        self._bus.subscribe(self, channel)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    def unsubscribe(self, channel: str) -> None:
        self._bus.unsubscribe(self, channel)

    def publish(self, channel: str, data: bytes) -> bool:
        if len(data) > self.largest:
            raise UsageError(f"a message of {len(data)} bytes: the broker takes at most {self.largest}")
        if self.state is not BrokerState.UP:
            return False
        asyncio.get_running_loop().call_soon(self._bus.pass_on, channel, data)
        return True

    def receive(self, channel: str, data: bytes) -> None:
        """What the bus passes on."""
        if self.state is BrokerState.UP and self._on_message is not None:
            self._on_message(channel, data)

    async def ready(self) -> None:
        await asyncio.sleep(0)

    async def flush(self) -> None:
        await asyncio.sleep(0)

    @property
    def congested(self) -> bool:
        return False

    async def stop(self) -> None:
        # What was published passes in the next turn.
        await asyncio.sleep(0)
        self._bus.remove(self)
        self._turn(BrokerState.STOPPED)
        self._on_message = None
