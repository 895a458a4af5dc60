"""NATS as a broker, for which there is an extra package."""

from .broker import NatsBroker

__all__ = ["NatsBroker"]
