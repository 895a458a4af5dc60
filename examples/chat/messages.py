"""What travels: the payloads and errors of the chat."""

from datetime import datetime
from typing import Annotated

from microsockets import Error
from pydantic import BaseModel, StringConstraints

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=32)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]


class Tab(BaseModel):
    """Who connects. A tab that connects again is who it was, so that nobody sees it leave."""

    id: Annotated[str, StringConstraints(max_length=64)] = ""


class Member(BaseModel):
    user: Name
    room: Name


class Message(Member):
    text: Text
    at: datetime


class NameTaken(Error):
    """Somebody in this room has that name already."""

    code = "name_taken"


class NotInRoom(Error):
    """Join a room first."""

    code = "not_in_room"
