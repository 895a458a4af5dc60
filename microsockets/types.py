"""Names for the shapes of ASGI 3 (https://asgi.readthedocs.io), so that signatures read alike everywhere."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

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
