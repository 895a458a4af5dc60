"""The payload of all messages, validated by every server that is written in Python."""

from __future__ import annotations

from pydantic import BaseModel


class Text(BaseModel):
    text: str
    n: int
