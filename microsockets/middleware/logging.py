"""One log line for each connection, event and disconnect: names and codes, never a payload."""

from __future__ import annotations

import asyncio
import logging
from time import perf_counter
from typing import Any

from ..errors import Error, Refuse
from .calls import Call, ConnectCall, DisconnectCall
from .chain import Next


class Logging:
    """Logs to `logger` (default `microsockets.access`) at `level`: what happened, on which connection, how it ended."""

    def __init__(self, logger: logging.Logger | None = None, level: int = logging.INFO) -> None:
        self.logger = logger or logging.getLogger("microsockets.access")
        self.level = level

    async def connect(self, call: ConnectCall, call_next: Next) -> Any:
        outcome = "ok"
        try:
            return await call_next(call)
        except BaseException as error:
            outcome = _outcome(error)
            raise
        finally:
            self.logger.log(self.level, "connect %s: %s", call.socket.id, outcome)

    async def event(self, call: Call, call_next: Next) -> Any:
        outcome = "ok"
        started = perf_counter()
        try:
            return await call_next(call)
        except BaseException as error:
            outcome = call.ended_by or _outcome(error)
            raise
        finally:
            spent = (perf_counter() - started) * 1000
            self.logger.log(self.level, "event %r on %s: %s in %.1f ms", call.event, call.socket.id, outcome, spent)

    async def disconnect(self, call: DisconnectCall, call_next: Next) -> Any:
        self.logger.log(self.level, "disconnect %s: %s", call.socket.id, call.code)
        return await call_next(call)


def _outcome(error: BaseException) -> str:
    if isinstance(error, Error | Refuse):
        return error.code
    return "cancelled" if isinstance(error, asyncio.CancelledError) else "internal_error"
