"""What clients are told of failures, and what the log is. Nothing here raises, whatever the application raised."""

from __future__ import annotations

import logging
import secrets
import traceback
from collections import Counter
from typing import Final

from .checks import Checks
from .errors import Error, InternalError, loggable
from .protocol.frames import encode_error

logger = logging.getLogger("microsockets")

_COUNTED: Final = frozenset({"invalid_payload", "overloaded", "rate_limited", "timeout", "unknown_event"})


class Failures:
    """One per application. `debug` tells clients what was raised."""

    def __init__(self, counters: Counter[str], checks: Checks, *, debug: bool) -> None:
        self._counters = counters
        self._checks = checks
        self._debug = debug

    def tell(
        self, error: Error, socket_id: str, event: str | None = None, *, named: bool = False
    ) -> tuple[Error, bytes]:
        """Counts an error; returns it and its error object, into which `named` puts the event.

        An error that cannot be written as JSON is a failure of its own: `internal_error` is told in its place.
        """
        try:
            details = None
            if error.details is not None:
                adapter = error.adapter()
                value = adapter.validator.validate_python(error.details)
                details = adapter.serializer.to_json(value, by_alias=True, warnings=False)
            message = str(error.message or error.default_message())
            encoded = encode_error(error.code, message, details, event if named else None)
        except Exception as reason:
            return self.tell(self.internal(event or "", socket_id, reason), socket_id, event, named=named)
        if error.code in _COUNTED:
            self._counters[error.code] += 1
        return error, encoded

    def internal(self, event: str, socket_id: str, failure: BaseException) -> InternalError:
        """Counts a failure of the application and logs it with its traceback; returns what clients are told."""
        self._counters["internal_error"] += 1
        correlation_id = secrets.token_hex(8)
        details = {"correlation_id": correlation_id}
        try:
            failure = loggable(failure)
            place = event, socket_id, correlation_id
            logger.error("event %r on %s failed (correlation id %s)", *place, exc_info=failure)
            if self._debug:
                details["exception"] = _clean("".join(traceback.format_exception_only(failure)).strip())
                details["traceback"] = _clean("".join(traceback.format_exception(failure)))
        except Exception as reason:
            # An exception may be so badly made that it cannot even be described.
            kind, problem = type(failure).__name__, type(reason).__name__
            logger.error("event %r on %s failed with %s, which cannot be logged: %s", event, socket_id, kind, problem)
        return InternalError(details=details)

    def undeclared(self, event: str, error: Error, raises: tuple[type[Error], ...]) -> None:
        """Notes, in tests, an error that no `raises=` lists."""
        if self._checks.undeclared is not None and not isinstance(error, raises):
            name = type(error).__qualname__
            self._checks.undeclared.append(f"event {event!r} answered with {name}: list it, @on(raises=[{name}])")


def _clean(text: str) -> str:
    # Half a surrogate pair cannot be told.
    return text.encode("utf-8", "replace").decode()
