"""What somebody who knows msgspec and pydantic writes by hand, for libraries that hand over whole messages."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
from pydantic import ValidationError

from .text import Text


class Envelope(msgspec.Struct):
    event: str
    id: int
    payload: msgspec.Raw


_decode = msgspec.json.Decoder(Envelope).decode


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer, and what else there is to do."""

    answer: bytes
    joins: bool = False
    said: bytes | None = None


def handle(data: bytes | str) -> Outcome:
    frame = _decode(data)
    try:
        if frame.event == "echo":
            payload = Text.model_validate_json(bytes(frame.payload))
            return Outcome(b'{"ack":%d,"payload":%s}' % (frame.id, payload.model_dump_json().encode()))
        if frame.event == "join":
            return Outcome(_done(frame.id), joins=True)
        if frame.event == "say":
            payload = Text.model_validate_json(bytes(frame.payload))
            said = b'{"event":"said","payload":%s}' % payload.model_dump_json().encode()
            return Outcome(_done(frame.id), said=said)
    except ValidationError as error:
        return Outcome(b'{"ack":%d,"error":%s}' % (frame.id, error.json(include_input=False).encode()))
    raise ValueError(frame.event)


def _done(number: int) -> bytes:
    return b'{"ack":%d,"payload":null}' % number
