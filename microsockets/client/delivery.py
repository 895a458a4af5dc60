"""Brings messages to the server and replies back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final

from ..protocol.frames import encode_event
from .backoff import sensible
from .error import MicroSocketError
from .frames import Failure, Hello, ServerFrame, failure_of
from .link import Link
from .message import Message
from .queue import DropReason, Queue, QueueLimits
from .requests import Reply, Requests
from .timers import after

_MOST_UNANSWERED: Final = 8
_LEAST_PAUSE: Final = 0.2

_greeting: ContextVar[object] = ContextVar("greeting", default=None)
"""In what the handlers of `on_open` run in: the greeting that they are part of."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """A message that was lost."""

    event: str
    payload: Any
    """As it was given; `...` where none was."""
    reason: DropReason
    sent: bool
    """Whether it had been sent: then it may have arrived."""


class Delivery:
    """What finds no connection waits in the queue, which is sent in order and with at most 8 requests unanswered.

    `failed` is called when the server refuses a message from the queue that nobody waits for.
    """

    def __init__(
        self,
        link: Link,
        limits: QueueLimits | None,
        *,
        plain: bool,
        dropped: Callable[[Dropped], object],
        failed: Callable[[MicroSocketError, str], object],
    ) -> None:
        self._link = link
        self._plain = plain
        self._dropped = dropped
        self._failed = failed
        self._may_wait = limits is not None
        self._queue = Queue(limits or QueueLimits(), self._drop)
        self._requests = Requests()
        self._largest = float("inf")
        self._greeting: object = None
        """Handlers of `on_open` run, and what they send goes before the queue."""
        self._leaving = False
        """The server is about to go: the connection is given up as soon as nothing is in flight."""
        self._leave_timer: asyncio.TimerHandle | None = None
        self._pause_timer: asyncio.TimerHandle | None = None
        """The server is busy: the queue waits for this timer."""

    def deliver(self, message: Message, may_wait: bool | None = None) -> None:
        """Sends a message, or lets it wait, or drops it."""
        may_wait = self._may_wait if may_wait is None else may_wait
        if self._link.state == "open" and not self._leaving and (not may_wait or self._goes_first()):
            self._write(message, message.reply)
        elif may_wait and not self._link.is_over:
            self._queue.push(message)
        else:
            self._drop(message, "disconnected")

    def withdraw(self, message: Message) -> None:
        """Takes a message back: nobody waits for its answer any more."""
        if self._queue.remove(message) or message.id is None or self._requests.take(message.id) is None:
            return
        if not self._plain:
            self._link.write(encode_event("$cancel", b"%d" % message.id))
        self._advance()

    def settle(self, frame: ServerFrame) -> None:
        """A reply has come."""
        if frame.has_error:
            self.obey(failure_of(frame.error))
        self._requests.settle(frame)
        self._advance()

    def obey(self, failure: Failure) -> None:
        """If the server has too much to do, the queue waits, and so does the next attempt to connect."""
        if not failure.is_busy:
            return
        pause = max(_LEAST_PAUSE, sensible(failure.retry_after))
        # `rate_limited` is about one event, not about the connection.
        if failure.code == "overloaded":
            self._link.backoff.hold(pause)
        _cancel(self._pause_timer)
        self._pause_timer = after(pause, self._resume)

    def drain(self, seconds: float) -> None:
        """The server goes in so many seconds."""
        self._link.backoff.hold(seconds)
        _cancel(self._leave_timer)
        self._leave_timer = after(seconds, self._leave)

    def opened(self, hello: Hello | None) -> Callable[[], None]:
        """A connection is open. What the calling context sends goes before the queue, until the function returned is
        called."""
        self._largest = hello.frame_bytes if hello is not None else float("inf")
        greeting = object()
        self._greeting = greeting
        _greeting.set(greeting)

        def done() -> None:
            if self._greeting is greeting:
                self._greeting = None
                self._advance()

        return done

    def lost(self) -> None:
        """The connection is gone."""
        _cancel(self._leave_timer)
        _cancel(self._pause_timer)
        self._leave_timer = self._pause_timer = None
        self._leaving = False
        self._greeting = None
        self._requests.fail_all(self._loss("disconnected"))

    def closed(self) -> None:
        """There will be no other connection."""
        self._queue.clear()

    def _goes_first(self) -> bool:
        if self._greeting is not None:
            return _greeting.get() is self._greeting
        return len(self._queue) == 0

    def _write(self, message: Message, reply: Reply | None) -> None:
        if message.size > self._largest:
            self._drop(message, "too_large")
            return
        if reply is not None:
            message.id = self._requests.add(reply)
        self._link.write(message.encode())

    def _advance(self) -> None:
        """Sends what waits in the queue, as far as the server has answered what was sent before."""
        if self._leaving and self._requests.unanswered == 0:
            self._link.leave()
            return
        while self._may_advance():
            message = self._queue.next()
            if message is None:
                return
            if message.reply is not None or self._plain:
                self._queue.remove(message)
                self._write(message, message.reply)
            else:
                # It asks for an answer, too, to tell that the server has taken it. Plain servers may not answer.
                self._write(message, _Confirmation(self, message))

    def _may_advance(self) -> bool:
        held = self._greeting is not None or self._leaving or self._pause_timer is not None
        return self._link.state == "open" and not held and self._requests.unanswered < _MOST_UNANSWERED

    def confirmed(self, message: Message, frame: ServerFrame) -> None:
        """The server has taken a message from the queue."""
        self._queue.remove(message)
        if frame.has_item:
            self.withdraw(message)

    def refused(self, message: Message, error: MicroSocketError) -> None:
        """The server has not taken a message from the queue, or nobody knows."""
        if error.code in ("overloaded", "rate_limited"):
            # It keeps its place.
            message.id = None
            return
        self._queue.remove(message)
        if error.code == "disconnected":
            self._drop(message, "disconnected")
        else:
            self._failed(error, message.event)

    def _drop(self, message: Message, reason: DropReason) -> None:
        # What was too large for the wire may wait in the queue, too.
        self._queue.remove(message)
        if message.reply is not None:
            message.reply.fail(self._loss(reason))
        self._dropped(Dropped(message.event, message.payload, reason, message.id is not None))

    def _loss(self, reason: DropReason) -> MicroSocketError:
        end = self._link.end
        if reason == "disconnected" and self._link.state == "closed" and end is not None:
            return MicroSocketError(reason, f"The connection is closed: {end}")
        return MicroSocketError(reason, _LOSSES[reason])

    def _resume(self) -> None:
        self._pause_timer = None
        self._advance()

    def _leave(self) -> None:
        self._leaving = True
        self._advance()


class _Confirmation:
    """Waits for the server to take a message from the queue that needs no answer."""

    streams = False

    def __init__(self, delivery: Delivery, message: Message) -> None:
        self._delivery = delivery
        self._message = message

    def receive(self, frame: ServerFrame) -> None:
        self._delivery.confirmed(self._message, frame)

    def fail(self, error: MicroSocketError) -> None:
        self._delivery.refused(self._message, error)


_LOSSES: Final[dict[DropReason, str]] = {
    "disconnected": "There is no connection, or it was lost before the answer came",
    "overloaded": "The queue of what waits for a connection is full",
    "timeout": "It waited for a connection for too long",
    "too_large": "The server takes no frame of this size",
}


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()
