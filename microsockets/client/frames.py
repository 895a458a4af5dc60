"""What a server sends, read without trusting it: nothing here raises, whatever the bytes are."""

from __future__ import annotations

from typing import Annotated, Any, Final, cast

import msgspec

from ..protocol.frames import ABSENT, MAX_ID, NO_ID
from .error import MicroSocketError

_Id = Annotated[int, msgspec.Meta(ge=0, le=MAX_ID)]
_FAILURES = (msgspec.DecodeError, UnicodeError, RecursionError)


class ServerFrame(msgspec.Struct, gc=False):
    """One frame as it came. Unknown keys are ignored; payloads stay JSON until their own type reads them."""

    event: str | None = None
    payload: msgspec.Raw = ABSENT
    id: _Id = NO_ID
    ack: _Id = NO_ID
    item: msgspec.Raw = ABSENT
    error: msgspec.Raw = ABSENT

    @property
    def has_payload(self) -> bool:
        return self.payload is not ABSENT

    @property
    def has_item(self) -> bool:
        return self.item is not ABSENT

    @property
    def has_error(self) -> bool:
        return self.error is not ABSENT

    @property
    def data(self) -> bytes:
        """The payload's JSON, which is `null` where there is none."""
        return bytes(self.payload) if self.payload is not ABSENT else b"null"


_decode_frame = msgspec.json.Decoder(ServerFrame).decode


def read_frame(text: str) -> ServerFrame | None:
    """A frame from the text of a message; None if it is none."""
    try:
        frame = _decode_frame(text)
    except _FAILURES:
        return None
    return None if frame.event is None and frame.ack == NO_ID else frame


class Failure(msgspec.Struct, gc=False):
    """An error object."""

    code: str
    message: Any = ""
    details: Any = None
    event: Any = None

    @property
    def event_name(self) -> str | None:
        """The event it is about, if it says so."""
        return self.event if isinstance(self.event, str) else None

    @property
    def retry_after(self) -> object:
        """What it says about when to come back; anything at all."""
        return cast("dict[str, object]", self.details).get("retry_after") if isinstance(self.details, dict) else None

    @property
    def is_busy(self) -> bool:
        """Whether the server has too much to do."""
        return self.code in ("overloaded", "rate_limited")

    def exception(self) -> MicroSocketError:
        """What the server said, to be raised."""
        message = self.message if isinstance(self.message, str) else ""
        return MicroSocketError(self.code, message, self.details)


_decode_failure = msgspec.json.Decoder(Failure).decode
UNREADABLE: Final = Failure("bad_frame", "The server's error cannot be read")


def failure_of(data: msgspec.Raw) -> Failure:
    """The error object in a frame; one of ours where there is none that can be read."""
    try:
        return _decode_failure(data)
    except _FAILURES:
        return UNREADABLE


class Hello(msgspec.Struct, frozen=True, gc=False):
    """What the server says first."""

    id: str = ""
    """The id of this connection."""
    limits: dict[str, Any] = {}
    features: list[str] = []
    """Which of the optional parts of the protocol the server uses."""
    contract: str | None = None
    """Names the contract of this path."""

    @property
    def frame_bytes(self) -> float:
        """The largest frame that the server takes."""
        limit = self.limits.get("frame_bytes")
        return limit if isinstance(limit, int | float) and not isinstance(limit, bool) else float("inf")


_decode_hello = msgspec.json.Decoder(Hello).decode


def hello_of(frame: ServerFrame) -> Hello | None:
    """What a `$hello` says; None if the frame is none."""
    if frame.event != "$hello":
        return None
    try:
        return _decode_hello(frame.payload)
    except _FAILURES:
        return None


class _Drain(msgspec.Struct, gc=False):
    after_ms: Any = 0


_decode_drain = msgspec.json.Decoder(_Drain).decode


def drain_seconds(frame: ServerFrame) -> object:
    """After how many seconds a `$drain` says to leave; anything at all."""
    try:
        after_ms = _decode_drain(frame.payload).after_ms
    except _FAILURES:
        return 0
    return after_ms / 1000 if isinstance(after_ms, int | float) else 0
