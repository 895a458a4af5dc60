"""The two closed vocabularies of the wire: why a connection closed, and why an event failed."""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Final


class CloseCode(IntEnum):
    """Close codes the server sends (RFC 6455 section 7.4; 4000-4999 are for private use).

    Clients retry after 1001, 1005, 1006, 1011, 1012, 1013, 4401, 4413 and 4429; every other code is final.
    """

    NORMAL = 1000
    PROTOCOL_ERROR = 1002
    INVALID_DATA = 1007
    TOO_BIG = 1009
    INTERNAL_ERROR = 1011
    RESTART = 1012
    OVERLOADED = 1013
    UNAUTHORIZED = 4401
    SLOW_READER = 4413
    FLOOD = 4429
    FORBIDDEN = 4503
    NOT_FOUND = 4504
    TAKEN_OVER = 4509


NO_STATUS: Final = 1005
"""What stands for a close frame without a code; never sent (RFC 6455 section 7.4.1)."""

ABNORMAL: Final = 1006
"""What stands for an end without a close frame; never sent (RFC 6455 section 7.4.1)."""


def is_close_code(code: object) -> bool:
    """Whether a close frame may carry this code (RFC 6455 section 7.4 and the codes registered since)."""
    if not isinstance(code, int):
        return False
    return 1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999


class ErrorCode(StrEnum):
    """Error codes the framework itself answers with. An application adds its own by subclassing `Error`."""

    BAD_FRAME = "bad_frame"
    UNKNOWN_EVENT = "unknown_event"
    INVALID_PAYLOAD = "invalid_payload"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    RATE_LIMITED = "rate_limited"
    OVERLOADED = "overloaded"
    TIMEOUT = "timeout"
    CANCELLED = "cancelled"
    TOO_LARGE = "too_large"
    UNAVAILABLE = "unavailable"
    INTERNAL_ERROR = "internal_error"


RETRYABLE_CLOSE_CODES = frozenset({1001, 1005, 1006, 1011, 1012, 1013, 4401, 4413, 4429})
"""Close codes after which a client connects again; all others are final."""

HANDSHAKE_REFUSALS: dict[str, tuple[int, CloseCode]] = {
    "unauthorized": (401, CloseCode.UNAUTHORIZED),
    "forbidden": (403, CloseCode.FORBIDDEN),
    "not_found": (404, CloseCode.NOT_FOUND),
}
"""Refusal code to its HTTP status (plain peers) and its close code (v1 peers)."""
