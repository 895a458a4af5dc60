"""The requests that wait for a reply."""

from __future__ import annotations

from typing import Protocol

from .error import MicroSocketError
from .frames import ServerFrame, failure_of


class Reply(Protocol):
    """Who waits for the reply to a request: an answer, or items and their end. No method may raise."""

    @property
    def streams(self) -> bool:
        """Whether it may take for ever."""
        ...

    def receive(self, frame: ServerFrame) -> None:
        """An answer, an item or the end of a stream."""

    def fail(self, error: MicroSocketError) -> None:
        """The request failed."""


class Requests:
    """Who waits, by id. Ids count up, and none is used twice."""

    def __init__(self) -> None:
        self._waiting: dict[int, Reply] = {}
        self._next = 0
        self.unanswered = 0
        """How many wait, not counting streams."""

    def add(self, reply: Reply) -> int:
        """Waits for the reply to a request that is sent with the id returned."""
        id_, self._next = self._next, self._next + 1
        self._waiting[id_] = reply
        if not reply.streams:
            self.unanswered += 1
        return id_

    def take(self, id_: int) -> Reply | None:
        """Stops to wait, and returns who did."""
        reply = self._waiting.pop(id_, None)
        if reply is not None and not reply.streams:
            self.unanswered -= 1
        return reply

    def settle(self, frame: ServerFrame) -> None:
        """Hands a frame to who waits for it, if anybody does (any more)."""
        if frame.has_item and not frame.has_error:
            reply = self._waiting.get(frame.ack)
            if reply is not None:
                reply.receive(frame)
            return
        reply = self.take(frame.ack)
        if reply is None:
            return
        if frame.has_error:
            reply.fail(failure_of(frame.error).exception())
        else:
            reply.receive(frame)

    def fail_all(self, error: MicroSocketError) -> None:
        """No reply will come any more to those who wait now."""
        for id_ in list(self._waiting):
            reply = self.take(id_)
            if reply is not None:
                reply.fail(error)
