"""Classes whose names others have too."""

from __future__ import annotations

from microsockets import Namespace
from pydantic import BaseModel


class Item(BaseModel):
    text: str


class Lobby(Namespace, path="/elsewhere"):
    pass
