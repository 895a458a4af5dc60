"""Real-time applications over WebSockets: subclass `Namespace`, write `on_<event>` methods, get the rest."""

from .application import Application
from .brokers import BrokerState
from .cluster import ClusterRoomManager, Emitter, NatsRoomManager, RedisRoomManager, SyncEmitter
from .errors import AskError, BrokerUnavailable, ConfigurationError, Error, Refuse, UsageError
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
from .presence import Presence, Present
from .rooms import RoomManager
from .signatures import Depends
from .socket import Socket
from .status import CloseCode, ErrorCode
from .targets import ALL, Reached, RemoteSocket, user

__version__ = "2.0.0.dev0"

__all__ = [
    "ALL",
    "Application",
    "Ask",
    "AskError",
    "BrokerState",
    "BrokerUnavailable",
    "Call",
    "CloseCode",
    "ClusterRoomManager",
    "ConfigurationError",
    "ConnectCall",
    "Depends",
    "DisconnectCall",
    "EmitCall",
    "Emitter",
    "Error",
    "ErrorCode",
    "Event",
    "EventRouter",
    "Limits",
    "Logging",
    "Namespace",
    "NatsRoomManager",
    "Next",
    "Presence",
    "Present",
    "RateLimit",
    "Reached",
    "RedisRoomManager",
    "Refuse",
    "RemoteSocket",
    "RoomManager",
    "Socket",
    "SyncEmitter",
    "Timing",
    "UsageError",
    "ValidatePayload",
    "latest",
    "on",
    "user",
]
