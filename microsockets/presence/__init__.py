"""Who is here: declared on a namespace, merged from what each process knows."""

from .declaration import Presence, PresenceDifference, PresenceState, Present
from .roster import Difference, Entry, Roster

__all__ = ["Difference", "Entry", "Presence", "PresenceDifference", "PresenceState", "Present", "Roster"]
