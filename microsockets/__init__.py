"""Real-time applications over WebSockets: subclass `Namespace`, write `on_<event>` methods, get the rest."""

from .application import Application
from .errors import AskError, ConfigurationError, Error, Refuse, UsageError
from .events import Ask, Event, EventRouter, latest, on
from .limits import Limits
from .middleware import (
    Call,
    ConnectCall,
    DisconnectCall,
    EmitCall,
    Logging,
    Next,
    RateLimit,
    Timing,
    ValidatePayload,
)
from .namespace import Namespace
from .rooms import RoomManager
from .signatures import Depends
from .socket import Socket
from .status import CloseCode, ErrorCode
from .targets import ALL, user

__version__ = "2.0.0.dev0"

__all__ = [
    "ALL",
    "Application",
    "Ask",
    "AskError",
    "Call",
    "CloseCode",
    "ConfigurationError",
    "ConnectCall",
    "Depends",
    "DisconnectCall",
    "EmitCall",
    "Error",
    "ErrorCode",
    "Event",
    "EventRouter",
    "Limits",
    "Logging",
    "Namespace",
    "Next",
    "RateLimit",
    "Refuse",
    "RoomManager",
    "Socket",
    "Timing",
    "UsageError",
    "ValidatePayload",
    "latest",
    "on",
    "user",
]
