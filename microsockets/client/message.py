"""An event on its way to the server."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from ..errors import UsageError
from .requests import Reply

_encode_name = msgspec.json.Encoder().encode


class Message:
    """Encoded at once, so that a later change to the payload does not travel."""

    __slots__ = ("_head", "_tail", "event", "id", "payload", "reply", "timer")

    def __init__(self, event: str, payload: Any, data: bytes | None, reply: Reply | None = None) -> None:
        """`data` is the payload's JSON, None if there is no payload."""
        self.event = event
        self.payload = payload
        self.reply = reply
        """Who waits for an answer, if anybody does."""
        self.id: int | None = None
        """The id it was sent with, if it was."""
        self.timer: asyncio.TimerHandle | None = None
        """Ends its time in the queue."""
        self._head = b'{"event":' + _encode_name(event)
        self._tail = b"}" if data is None else b',"payload":' + data + b"}"

    @property
    def size(self) -> int:
        """Bytes of the frame, without an id."""
        return len(self._head) + len(self._tail)

    def encode(self) -> bytes:
        """The frame, with the id if there is one by now."""
        id_ = b"" if self.id is None else b',"id":%d' % self.id
        return self._head + id_ + self._tail


def check_name(event: object) -> str:
    """Raises `UsageError` if this is not the name of an application's event."""
    if not isinstance(event, str) or not event:
        raise UsageError(f"{event!r} cannot name an event: give a text, or what the server's namespace declares")
    try:
        event.encode()
    except UnicodeEncodeError:
        raise UsageError(f"{event!r} cannot name an event: it holds half of a character") from None
    if event.startswith("$"):
        raise UsageError(f"{event!r} cannot name an event: names with $ are those of control frames")
    return event
