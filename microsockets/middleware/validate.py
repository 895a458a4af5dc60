"""The member of the chain that turns the payload's bytes into the handler's type."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from .calls import Call
from .chain import Next


class ValidatePayload:
    """Validates `call.raw` into `call.payload`; a payload that fails answers `invalid_payload`.

    It comes last in every chain unless listed elsewhere. Middlewares after it read `call.payload`, those before it only
    `call.raw`.
    """

    def event(self, call: Call, call_next: Next) -> Awaitable[Any]:
        # Not async: this step is on every message, and has nothing to wait for.
        call.payload = call.route.read_payload(call)
        return call_next(call)
