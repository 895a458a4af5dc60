"""What waits for a connection."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from ..errors import UsageError
from .message import Message
from .timers import after

DropReason: TypeAlias = Literal["disconnected", "overloaded", "timeout", "too_large"]
"""Why a message was lost.

- `disconnected`: there was no connection and it was not to wait for one, or the socket was closed for good, or the
  connection was lost before the server confirmed it.
- `overloaded`: the queue held as much as it may.
- `timeout`: it waited for longer than the queue keeps messages.
- `too_large`: the server takes no frame of this size.
"""

_AGAIN: Final = 1.0
"""How often a message that is too old, but was sent, is looked at again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueLimits:
    """How much may wait for a connection. A new message that finds no room is dropped: those that wait go first."""

    messages: int = 256
    bytes: int = 1024 * 1024
    """Of the frames of all messages together."""
    seconds: float = 60.0
    """That each message may wait; `math.inf` is no limit."""

    def __post_init__(self) -> None:
        for name, value in (("messages", self.messages), ("bytes", self.bytes), ("seconds", self.seconds)):
            if not value >= 0:
                raise UsageError(f"QueueLimits({name}={value!r}): give a number from 0 on")


class Queue:
    """Messages in order, bounded in number, size and age. `dropped` is called with each that is lost.

    A message that was sent has an id, and stays until it is removed: so it has its place if it must be sent again.
    """

    def __init__(self, limits: QueueLimits, dropped: Callable[[Message, DropReason], object]) -> None:
        self._limits = limits
        self._dropped = dropped
        self._messages: dict[Message, None] = {}
        self._held = 0

    def __len__(self) -> int:
        """How many there are, with those that were sent."""
        return len(self._messages)

    def next(self) -> Message | None:
        """The oldest message that was not sent."""
        return next((message for message in self._messages if message.id is None), None)

    def push(self, message: Message) -> None:
        """Adds a message at the end, or drops it if there is no room."""
        if len(self._messages) >= self._limits.messages or self._held + message.size > self._limits.bytes:
            self._dropped(message, "overloaded")
            return
        self._messages[message] = None
        self._held += message.size
        if self._limits.seconds < math.inf:
            message.timer = after(self._limits.seconds, lambda: self._expire(message))

    def remove(self, message: Message) -> bool:
        """Takes a message out. Returns whether it was there."""
        if message not in self._messages:
            return False
        del self._messages[message]
        self._held -= message.size
        if message.timer is not None:
            message.timer.cancel()
            message.timer = None
        return True

    def clear(self) -> None:
        """Drops all messages: there will be no connection."""
        for message in list(self._messages):
            self._drop(message, "disconnected")

    def _expire(self, message: Message) -> None:
        # One that was sent is as good as gone, but it may come back.
        if message.id is None:
            self._drop(message, "timeout")
        else:
            message.timer = after(_AGAIN, lambda: self._expire(message))

    def _drop(self, message: Message, reason: DropReason) -> None:
        if self.remove(message):
            self._dropped(message, reason)
