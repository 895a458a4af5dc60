"""Who is in which room: membership, the manager that applications may replace, and the recipients of a broadcast."""

from .elsewhere import Elsewhere
from .manager import RoomManager
from .membership import Membership, Room, RoomKey
from .recipients import FanOut, Recipients

__all__ = ["Elsewhere", "FanOut", "Membership", "Recipients", "Room", "RoomKey", "RoomManager"]
