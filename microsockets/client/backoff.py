"""When to connect again."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Final

from .timers import now

_FIRST: Final = 0.5
_LONGEST: Final = 20.0
_LEAST: Final = 0.2
_HEALTHY: Final = 10.0
_LONGEST_HOLD: Final = 3600.0
"""No server's word keeps a client away for longer."""
_DOUBLINGS: Final = 6
"""From here on the limit is the longest."""


def sensible(seconds: object) -> float:
    """The time that a server names. What is no sensible time counts as none."""
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not seconds > 0:
        return 0.0
    return float(min(seconds, _LONGEST_HOLD))


class Backoff:
    """Waits at random up to 0.5 s, doubled with each failure in a row up to 20 s, and never under 200 ms. A connection
    that was open for 10 s forgives the failures before it."""

    def __init__(self, clock: Callable[[], float] = now, chance: Callable[[], float] = random.random) -> None:
        """`chance` gives numbers from 0 to 1."""
        self._clock = clock
        self._chance = chance
        self._doublings = -1
        self._opened_at: float | None = None
        self._lost_at = -math.inf
        self._held_until = -math.inf

    @property
    def is_first(self) -> bool:
        """Whether the last failure was the first of its row."""
        return self._doublings == 0

    def opened(self) -> None:
        """A connection is ready for use."""
        self._opened_at = self._clock()

    def lost(self) -> bool:
        """An attempt failed, or a connection was lost. Returns whether it was healthy: open for 10 s."""
        self._lost_at = self._clock()
        healthy = self._opened_at is not None and self._lost_at - self._opened_at >= _HEALTHY
        self._opened_at = None
        self._doublings = 0 if healthy else self._doublings + 1
        return healthy

    def hold(self, seconds: float) -> None:
        """The server asks to be left alone for so long."""
        self._held_until = max(self._held_until, self._clock() + seconds)

    def delay(self) -> float:
        """How long to wait before the next attempt."""
        limit = min(_LONGEST, _FIRST * 2.0 ** min(self._doublings, _DOUBLINGS))
        return max(_LEAST, self._chance() * limit, self._held_until - self._clock())

    def soonest(self) -> float:
        """How long to wait where there is a reason to try at once."""
        return max(0.0, max(self._lost_at + _LEAST, self._held_until) - self._clock())
