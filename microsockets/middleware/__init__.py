"""The chain that everything passes, and the members of it that come with the framework."""

from .calls import Call, ConnectCall, DisconnectCall, EmitCall
from .chain import Chain, Next, compose
from .logging import Logging
from .rate_limit import RateLimit
from .timing import Timing
from .validate import ValidatePayload

__all__ = [
    "Call",
    "Chain",
    "ConnectCall",
    "DisconnectCall",
    "EmitCall",
    "Logging",
    "Next",
    "RateLimit",
    "Timing",
    "ValidatePayload",
    "compose",
]
