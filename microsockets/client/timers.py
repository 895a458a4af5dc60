"""The client's clock: that of the running event loop, for every time it keeps. A loop with another `time()` moves them
all, which is how tests wait for nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


def now() -> float:
    """Seconds, from a start of the loop's own."""
    return asyncio.get_running_loop().time()


def after(seconds: float, call: Callable[[], object]) -> asyncio.TimerHandle:
    """Calls in so many seconds, unless it is cancelled before."""
    return asyncio.get_running_loop().call_later(seconds, call)
