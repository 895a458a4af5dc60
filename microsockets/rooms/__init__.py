"""Who is in which room: membership, the manager that applications may replace, and the recipients of a broadcast."""

from .manager import RoomManager
from .membership import Membership, Room, RoomKey
from .recipients import Recipients

__all__ = ["Membership", "Recipients", "Room", "RoomKey", "RoomManager"]
