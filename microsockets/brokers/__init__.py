"""What carries bytes between the processes of one application."""

from .broker import Broker, BrokerState, OnMessage, OnState
from .memory import MemoryBroker, MemoryBus

__all__ = ["Broker", "BrokerState", "MemoryBroker", "MemoryBus", "OnMessage", "OnState"]
