"""Rooms, presence and emits across the processes of one application."""

from .cluster import Cluster
from .emitter import Emitter, SyncEmitter
from .manager import ClusterRoomManager, NatsRoomManager, RedisRoomManager, room_manager_at

__all__ = [
    "Cluster",
    "ClusterRoomManager",
    "Emitter",
    "NatsRoomManager",
    "RedisRoomManager",
    "SyncEmitter",
    "room_manager_at",
]
