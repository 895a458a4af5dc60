"""The place of a connection's running handler, which it gives up while it waits for a client."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Protocol


class Place(Protocol):
    """Held by one handler of a connection at a time."""

    def step_aside(self) -> bool:
        """The task that calls this gives the place up. False if it does not hold it."""
        ...

    async def step_back(self) -> None:
        """Takes the place again, after the handler that holds it."""
        ...


current_place: ContextVar[Place | None] = ContextVar("microsockets_place", default=None)
"""The place of the connection whose handler is running; tasks that the handler starts inherit it but never hold it."""


@asynccontextmanager
async def aside() -> AsyncGenerator[None, None]:
    """While the running handler waits in here, its connection's next events run, whichever client it waits for."""
    place = current_place.get()
    if place is None or not place.step_aside():
        yield
        return
    try:
        yield
    finally:
        await place.step_back()
