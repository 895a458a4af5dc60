"""The frames of the protocol `microsockets.v1`: JSON text, one object each.

Arriving frames are decoded only as far as needed to route them: the payload stays bytes until the handler's own type
validates it, straight from JSON. Leaving frames are spliced from bytes, so that a payload is encoded once.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Final

import msgspec

from ..errors import BadFrame

MAX_ID: Final = 2**53 - 1
"""The largest id: the largest integer JavaScript represents exactly."""

NO_ID: Final = -1
"""The `id` and `ack` of a frame that has none."""

ABSENT: Final = msgspec.Raw(b"")
"""The payload of a frame that has none; compare with `is`."""

_Id = Annotated[int, msgspec.Meta(ge=0, le=MAX_ID)]


class Frame(msgspec.Struct, gc=False):
    """One frame as it arrived. Unknown keys are ignored; of a key given twice the last counts."""

    event: str | None = None
    payload: msgspec.Raw = ABSENT
    id: _Id = NO_ID
    ack: _Id = NO_ID
    error: msgspec.Raw = ABSENT


_decode = msgspec.json.Decoder(Frame).decode


def decode(data: bytes) -> Frame:
    """One frame from its bytes (UTF-8 JSON).

    Exactly one of `event` and `ack` is set. Raises `BadFrame`, whatever the bytes are: not JSON, not an object, a key
    of the wrong type, an id out of range, nested too deeply.
    """
    try:
        frame = _decode(data)
    except msgspec.ValidationError as error:
        raise BadFrame(f"The frame has the wrong shape: {_without_values(error)}") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise BadFrame("The frame is not valid JSON") from None
    except RecursionError:
        raise BadFrame("The frame is nested too deeply") from None
    if (frame.event is None) is (frame.ack == NO_ID):
        raise BadFrame('The frame needs either "event" or "ack"')
    return frame


def _without_values(error: msgspec.ValidationError) -> str:
    # msgspec names the expected type and the place, never the value; object keys do not occur as places here.
    return str(error).replace("`", "")


# Digits become 0 and what cannot be in a number a blank, so that substring search, which is many times as fast as a
# regular expression, finds long numbers.
_OTHERS: Final = bytes(set(range(256)) - set(b"0123456789eE+"))
_SHAPES: Final = bytes.maketrans(b"0123456789E" + _OTHERS, b"0000000000e" + b" " * len(_OTHERS))
_SHORT: Final = 1024
_TOO_LONG: Final = 309
_RUN: Final = re.compile(rb"0+")
_STRIDE: Final = 16


def check_numbers(payload: bytes) -> None:
    """Raises `BadFrame` if a number in this JSON is beyond a double, which parsers silently turn into infinity and
    which a client in JavaScript could not have meant.

    A short payload, which almost never has one, is only scanned (0.5 us); a long one is decoded, which costs less.
    """
    if len(payload) < _SHORT:
        shape = payload.translate(_SHAPES)
        if b"e000" not in shape and b"e+000" not in shape and b"0" * 200 not in shape:
            return
    if _has_long_number(payload):
        raise BadFrame("The payload has a number out of range")
    if b"e" not in payload and b"E" not in payload:
        return
    try:
        msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadFrame("The payload has a number out of range, or is not valid JSON") from None


def _has_long_number(payload: bytes) -> bool:
    """Whether there are 309 digits in a row outside of strings and fractions."""
    # So many digits are also some digits in a row of every 16th byte, which are looked at first.
    if b"0" * (_TOO_LONG // _STRIDE) not in payload[::_STRIDE].translate(_SHAPES):
        return False
    shape = payload.translate(_SHAPES)
    position = quotes = 0
    while (found := shape.find(b"0" * _TOO_LONG, position)) >= 0:
        between = payload[position:found].replace(b"\\\\", b"").replace(b'\\"', b"")
        quotes += between.count(b'"')
        if quotes % 2 == 0 and not between.endswith(b"."):
            return True
        end_of_run = _RUN.match(shape, found)
        assert end_of_run is not None
        position = end_of_run.end()
    return False


def event_head(event: str) -> bytes:
    """The bytes of an event frame before its payload; the frame ends with `b"}"`. Built once per declared event."""
    return b'{"event":' + msgspec.json.encode(event) + b',"payload":'


def encode_event(event: str, payload: bytes) -> bytes:
    """An event frame around an encoded payload."""
    return event_head(event) + payload + b"}"


def encode_question(event: str, id: int, payload: bytes) -> bytes:
    """An event frame that wants an answer."""
    return b'{"event":%b,"id":%d,"payload":%b}' % (msgspec.json.encode(event), id, payload)


def encode_answer(id: int, payload: bytes) -> bytes:
    """The answer to request `id`."""
    return b'{"ack":%d,"payload":%b}' % (id, payload)


def encode_item(id: int, item: bytes) -> bytes:
    """One item of the stream that answers request `id`."""
    return b'{"ack":%d,"item":%b}' % (id, item)


def encode_end(id: int) -> bytes:
    """The end of the stream that answers request `id`."""
    return b'{"ack":%d}' % id


def encode_failure(id: int, error: bytes) -> bytes:
    """The error answer to request `id`."""
    return b'{"ack":%d,"error":%b}' % (id, error)


def encode_error(code: str, message: str, details: bytes | None = None, event: str | None = None) -> bytes:
    """An error object. Not a frame: it is the `error` of an answer or the payload of `$error`."""
    # A message of the application may hold half a surrogate pair, which UTF-8 cannot.
    text = message.encode("utf-8", "replace").decode()
    parts = [b'{"code":', msgspec.json.encode(code), b',"message":', msgspec.json.encode(text)]
    if details is not None:
        parts += [b',"details":', details]
    if event is not None:
        parts += [b',"event":', msgspec.json.encode(event)]
    parts.append(b"}")
    return b"".join(parts)


class ErrorObject(msgspec.Struct, gc=False):
    """The error a client answers a question with."""

    code: str
    message: str = ""
    details: Any = None


_decode_error = msgspec.json.Decoder(ErrorObject).decode


def decode_error(data: bytes) -> ErrorObject:
    """A client's error object. Raises `BadFrame` if it is not one."""
    try:
        return _decode_error(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadFrame('The "error" of an answer needs a "code"') from None


_HELLO = msgspec.json.Encoder()


def encode_hello(id: str, limits: dict[str, int], features: list[str], contract: str | None) -> bytes:
    """The first frame of a v1 connection."""
    payload = {"id": id, "limits": limits, "features": features, "contract": contract}
    return encode_event("$hello", _HELLO.encode(payload))
