"""The far end of an outbox: a server's `send` that records, and can be made to wait."""

from __future__ import annotations

import asyncio
from collections import Counter

from microsockets.limits import Limits
from microsockets.outbox import AsgiOutbox, Outbox, OutFrame, Writers
from microsockets.types import Message


class Server:
    """What one connection was handed, in order. After `block`, each send waits for `go_on` or `unblock`."""

    def __init__(self) -> None:
        self.taken: list[str | int] = []
        self.begun = 0
        self.failure: Exception | None = None
        self._gate = asyncio.Semaphore(0)
        self._blocked = False

    async def send(self, message: Message) -> None:
        self.begun += 1
        if self.failure is not None:
            raise self.failure
        if self._blocked:
            await self._gate.acquire()
        self.taken.append(message["text"] if message["type"] == "websocket.send" else message["code"])

    def block(self) -> None:
        self._blocked = True

    def go_on(self) -> None:
        """Lets one waiting send through."""
        self._gate.release()

    def unblock(self) -> None:
        """Lets everything through."""
        self._blocked = False
        for _ in range(1000):
            self._gate.release()


class Desk:
    """Outboxes that share the writers of the running loop."""

    def __init__(self) -> None:
        self.writers = Writers(asyncio.get_running_loop())
        self.counters: Counter[str] = Counter()
        self.overflowed: list[Outbox] = []

    def outbox(
        self, server: Server, limits: Limits | None = None, *, release: bool = True, early: bool = False
    ) -> AsgiOutbox:
        outbox = AsgiOutbox(
            server.send, self.writers, limits or Limits(), self.counters, lambda: self.overflowed.append(outbox)
        )
        outbox.early = early
        if release:
            outbox.release()
        return outbox


def frame(text: str, slot: str | None = None, at: float = 0.0) -> OutFrame:
    return OutFrame(text.encode(), at, slot)


def put(outbox: Outbox, *texts: str) -> None:
    for text in texts:
        outbox.put(frame(text))


async def settle() -> None:
    """Lets everything run that can."""
    for _ in range(20):
        await asyncio.sleep(0)
