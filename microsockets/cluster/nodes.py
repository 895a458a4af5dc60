"""Which processes of the application are alive, by the signs of life they give."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

BEAT_SECONDS: Final = 1.0
SUSPECT_SECONDS: Final = 2.0
"""Whoever was not heard of for so long is not waited for."""
LEASE_SECONDS: Final = 5.0
"""Whoever was not heard of for so long is dead: several beats may get lost, and a ghost is gone in less than 10 s."""


class Nodes:
    """Times of the event loop at which others were heard. Pure."""

    def __init__(self) -> None:
        self._heard: dict[str, float] = {}
        self._since = 0.0

    def __iter__(self) -> Iterator[str]:
        return iter(self._heard)

    def __contains__(self, node: str) -> bool:
        return node in self._heard

    def hear(self, node: str, now: float) -> bool:
        """A sign of life; whether it is the first."""
        is_new = node not in self._heard
        self._heard[node] = now
        return is_new

    def forgive(self, now: float) -> None:
        """Silence counts from now on only: we could not hear anybody."""
        self._since = now

    def drop(self, node: str) -> bool:
        """It said that it stops; whether it was known."""
        return self._heard.pop(node, None) is not None

    def suspects(self, now: float) -> set[str]:
        """Those that may be dead."""
        return set(self._silent(now, SUSPECT_SECONDS))

    def expire(self, now: float) -> list[str]:
        """Takes out those that have been silent for too long."""
        expired = self._silent(now, LEASE_SECONDS)
        for node in expired:
            del self._heard[node]
        return expired

    def _silent(self, now: float, seconds: float) -> list[str]:
        return [node for node, heard in self._heard.items() if now - max(heard, self._since) > seconds]
