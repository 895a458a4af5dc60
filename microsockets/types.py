"""Names for the shapes of ASGI 3 (https://asgi.readthedocs.io), so that signatures read alike everywhere, and for the
extension by which our own server hands messages over."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, NamedTuple, Protocol, TypeAlias, TypedDict

Scope: TypeAlias = MutableMapping[str, Any]
"""The description of one connection, as the server gives it."""

Message: TypeAlias = MutableMapping[str, Any]
"""One ASGI event, in or out."""

Receive: TypeAlias = Callable[[], Awaitable[Message]]
"""Waits for the next message from the server."""

Send: TypeAlias = Callable[[Message], Awaitable[None]]
"""Hands one message to the server; may wait while the transport is full."""

ASGIApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
"""Any ASGI 3 application."""

Write: TypeAlias = Callable[[bytes], object]
"""Sends one whole WebSocket frame (RFC 6455 section 5.2). Never waits and never raises; what is written in one turn of
the event loop travels together, in order. Before the connection is accepted and after it is closed it does nothing."""

EXTENSION = "microsockets"
"""The key in `scope["extensions"]` under which our server offers an `Extension`."""


class Sink(Protocol):
    """Takes what one connection receives, the moment it arrives, from the event loop's own callbacks. No method may
    wait or raise.

    A sink may have more: `message_bytes`, an int, is the most that a message may have, and a larger one is passed over
    and told to `too_large(size)`; `drain(after_ms)` hears that the server will go and when the client should leave, and
    returns whether the client was told; `stop()` is asked to finish what runs and then to close with 1012.
    """

    def text(self, data: bytes) -> None:
        """A text message, in UTF-8 that was checked."""
        ...

    def binary(self, data: bytes) -> None:
        """A binary message."""
        ...

    def closed(self, code: int, reason: str) -> None:
        """The connection is over, and nothing written from now on is sent. Comes once, and last."""
        ...

    def congested(self, yes: bool) -> None:
        """From True to False the client reads more slowly than is written to it: hold back what you can."""
        ...


class Close(Protocol):
    """Closes a connection after what was written to it; a client that does not answer within `seconds` is dropped."""

    def __call__(self, code: int, reason: str, seconds: float = ..., /) -> object: ...


class Direct(NamedTuple):
    """The shortest way out: call `flush` once, and then `send` for each client, before anything is written to one of
    them. Not after `congested(True)` or `closed`."""

    send: Callable[[bytes], int]
    """Sends a whole frame at once, and returns how many of its bytes were taken. Raises `OSError` if none were."""
    rest: Callable[[bytes], object]
    """Takes what `send` did not, at once and before anything else."""
    flush: Callable[[], object]
    """Sends what was written in this turn of the loop before, to all clients of the server."""


class Extension(TypedDict):
    """What our server offers to an application that need not be asked for each message."""

    attach: Callable[[Sink], Write]
    """From now on pushes what arrives into a sink, and returns what writes frames."""
    direct: Callable[[], Direct | None]
    """A shorter way, for a frame that goes to many clients. None before the client was accepted, and where there is no
    such way."""
    close: Close
    deflate: bool
    """Whether text frames may be compressed (RFC 7692, without context takeover)."""
