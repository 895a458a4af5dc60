"""What users may import is written down here, and changes only on purpose."""

from __future__ import annotations

import importlib
import inspect
from types import ModuleType
from typing import Any

import microsockets
import pytest

EXPORTS = {
    "microsockets": [
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
    ],
    "microsockets.brokers": ["Broker", "BrokerState", "MemoryBroker", "MemoryBus", "OnMessage", "OnState"],
    "microsockets.client": [
        "DropReason",
        "Dropped",
        "End",
        "Hello",
        "Hook",
        "MicroSocket",
        "MicroSocketError",
        "QueueLimits",
        "State",
        "StateChange",
        "Stream",
    ],
    "microsockets.middleware": [
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
    ],
    "microsockets.outbox": ["AsgiOutbox", "DirectOutbox", "OutFrame", "Outbox", "Writers"],
    "microsockets.rooms": ["Elsewhere", "FanOut", "Membership", "Recipients", "Room", "RoomKey", "RoomManager"],
    "microsockets.server": ["Config", "HttpProtocol", "Server", "WebSocketProtocol", "run"],
    "microsockets.testing": ["Client", "Peer", "Refused", "RequestFailed"],
}


@pytest.mark.parametrize("module", EXPORTS)
def test_the_exported_names_are_these(module: str) -> None:
    names: list[str] = importlib.import_module(module).__all__
    assert sorted(names) == EXPORTS[module]


@pytest.mark.parametrize("module", EXPORTS)
def test_every_export_is_documented(module: str) -> None:
    exported = importlib.import_module(module)
    for name in EXPORTS[module]:
        thing: Any = getattr(exported, name)
        assert name in (
            "ALL",
            "DropReason",
            "FanOut",
            "Next",
            "OnMessage",
            "OnState",
            "RoomKey",
            "State",
        ) or inspect.getdoc(thing), name


def test_everything_else_is_a_module_or_underscored() -> None:
    others = set(vars(microsockets)) - set(EXPORTS["microsockets"])
    strays = [
        name for name in others if not name.startswith("_") and not isinstance(getattr(microsockets, name), ModuleType)
    ]
    assert strays == []


def test_the_public_methods_of_what_users_hold_are_documented() -> None:
    for cls in (microsockets.Application, microsockets.Namespace, microsockets.Socket, microsockets.RoomManager):
        for name, value in vars(cls).items():
            if not name.startswith("_") and (inspect.isfunction(value) or isinstance(value, property)):
                assert inspect.getdoc(value), f"{cls.__name__}.{name}"


def test_1_0_found_its_classes_in_these_modules() -> None:
    from_events = importlib.import_module("microsockets.events").EventRouter
    from_rooms = importlib.import_module("microsockets.rooms").RoomManager
    assert (from_events, from_rooms) == (microsockets.EventRouter, microsockets.RoomManager)
