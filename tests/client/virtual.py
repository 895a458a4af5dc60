"""Time that passes at once, for what keeps times and does no I/O."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from tests.jumping import JumpingLoop


def virtually(coroutine: Coroutine[Any, Any, None]) -> None:
    """Runs it in a loop that never waits: its clock jumps to the next timer."""
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        runner.run(coroutine)
