"""One log line for each connection, event and disconnect: names and codes, never a payload."""

from __future__ import annotations

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
        try:
            result = await call_next(call)
        except Refuse as refusal:
            self.logger.log(self.level, "connect %s refused: %s", call.socket.id, refusal.code)
            raise
        self.logger.log(self.level, "connect %s", call.socket.id)
        return result

    async def event(self, call: Call, call_next: Next) -> Any:
        outcome = "internal_error"
        started = perf_counter()
        try:
            result = await call_next(call)
            outcome = "ok"
            return result
        except Error as error:
            outcome = error.code
            raise
        finally:
            milliseconds = (perf_counter() - started) * 1000
            self.logger.log(
                self.level, "event %r on %s: %s in %.1f ms", call.event, call.socket.id, outcome, milliseconds
            )

    async def disconnect(self, call: DisconnectCall, call_next: Next) -> Any:
        self.logger.log(self.level, "disconnect %s: %s", call.socket.id, call.code)
        return await call_next(call)
