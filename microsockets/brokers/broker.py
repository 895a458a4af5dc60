"""The contract of all brokers: bytes on named channels."""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable
from enum import StrEnum
from typing import Final

logger = logging.getLogger("microsockets.broker")

OnMessage = Callable[[str, bytes], None]
"""Gets a channel and what was published on it. It must not block, and not raise."""
OnState = Callable[["BrokerState"], None]


class BrokerState(StrEnum):
    """How a broker is doing."""

    IDLE = "idle"
    """Not started."""
    CONNECTING = "connecting"
    """Started, and never up yet."""
    UP = "up"
    """Publishes go out, and every subscription that is wanted is in place."""
    DOWN = "down"
    """It was up, and tries to be again."""
    STOPPED = "stopped"


class Broker(ABC):
    """Carries bytes between nodes: a node is one process of an application.

    What is published on a channel reaches every node that is subscribed to it, at most once, and in the order in which
    one publisher published on that channel. The publisher itself may get it, too. Channels are made of ASCII letters,
    digits, `.`, `-` and `_`.

    While the broker is not `UP`, subscriptions are remembered and restored, and what cannot be written at once is
    refused: messages that come late do more harm than those that are missing. All methods are for the event loop in
    which `start` was called.
    """

    largest: int = 16 * 1024 * 1024
    """How many bytes a message may have that is published."""

    def __init__(self) -> None:
        self.state = BrokerState.IDLE
        self.counters: Counter[str] = Counter()
        """`broker_lost`: messages that were accepted and did not get out. `broker_down`: how often it went down."""
        self._on_state: OnState | None = None

    @abstractmethod
    def start(self, on_message: OnMessage, on_state: OnState) -> None:
        """Begins to connect, and goes on until `stop`. Does not wait, and does not fail if nobody is there."""

    @abstractmethod
    def subscribe(self, channel: str) -> asyncio.Future[None]:
        """Asks for what is published on a channel from now on; again is no change.

        The future is done when the subscription is in place, or when the broker is not up. It never fails.
        """

    @abstractmethod
    def unsubscribe(self, channel: str) -> None:
        """Asks for no more of a channel; again is no change."""

    @abstractmethod
    def publish(self, channel: str, data: bytes) -> bool:
        """Gives a message to the broker, without waiting. False if it takes none: it is not up, or too much waits to be
        written. Raises `UsageError` for more than `largest` bytes."""

    @abstractmethod
    async def ready(self) -> None:
        """Waits until so little is waiting to be written that `publish` is quick, or until the broker is not up."""

    @abstractmethod
    async def flush(self) -> None:
        """Waits until the broker has confirmed all that was published, or until it is not up."""

    @property
    @abstractmethod
    def congested(self) -> bool:
        """Whether so much is waiting to be written that one should wait for `ready`."""

    @abstractmethod
    async def stop(self) -> None:
        """Writes what was published, for a second at most, and ends all that `start` began. Again is no change."""

    def _turn(self, state: BrokerState) -> None:
        """Notes a change of state, and tells of it."""
        if state is self.state or self.state is BrokerState.STOPPED:
            return
        before, self.state = self.state, state
        if state is BrokerState.DOWN:
            self.counters["broker_down"] += 1
            logger.warning("the broker is down; members of one process keep receiving")
        elif state is BrokerState.UP and before is BrokerState.DOWN:
            logger.warning("the broker is up again")
        elif state is BrokerState.UP:
            logger.info("the broker is up")
        if self._on_state is not None:
            self._on_state(state)


QUEUED_MESSAGES: Final = 10_000
QUEUED_BYTES: Final = 32 * 1024 * 1024
"""What may wait to be written to a broker; more is refused."""
CONGESTED_MESSAGES: Final = 1_000
CONGESTED_BYTES: Final = 4 * 1024 * 1024
"""What may wait to be written before publishers should wait, too."""
