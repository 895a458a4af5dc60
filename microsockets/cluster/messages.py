"""What nodes tell each other: a header, a checksum, and a MessagePack array.

    "ms"  version (1 byte)  CRC-32 (4 bytes, of what follows)  the sender's id (8 bytes)  the message

Whoever cannot read a message counts it and goes on. The checksum finds what was damaged; it is no signature, so whoever
may publish on the broker is trusted.
"""

from __future__ import annotations

import secrets
from typing import Final, NamedTuple, TypeAlias
from zlib import crc32

import msgspec

from ..presence import Entry

VERSION: Final = 1

_MAGIC: Final = b"ms"
_HEAD: Final = _MAGIC + bytes([VERSION])
_CHECKED: Final = len(_HEAD) + 4
NODE_ID_BYTES: Final = 8
_BODY: Final = _CHECKED + NODE_ID_BYTES
LARGEST: Final = 16 * 1024 * 1024


def new_node_id() -> str:
    """A name for a process, which no other has."""
    return secrets.token_urlsafe(6)


class _Message(msgspec.Struct, array_like=True, tag=True, frozen=True, gc=False, forbid_unknown_fields=True):
    pass


class Broadcast(_Message, tag=1, frozen=True, gc=False):
    """An encoded event for the sockets of a namespace.

    `number` tells apart what one node sends: a broadcast for several rooms comes once for each of their channels. `to`
    and `skip` are written as in `targets`.
    """

    number: int
    namespace: str
    to: list[str]
    skip: list[str]
    slot: bytes | None
    frame: bytes


class Hello(_Message, tag=2, frozen=True, gc=False):
    """A sign of life. `asks` for one of everybody else's; `present` is how many are present through this node, and
    `changed` the last versions of the rosters that changed lately."""

    asks: bool
    present: int
    changed: dict[str, int]


class Bye(_Message, tag=3, frozen=True, gc=False):
    """The node stops."""


class Close(_Message, tag=4, frozen=True, gc=False):
    """Closes sockets of a namespace."""

    namespace: str
    to: list[str]
    skip: list[str]
    code: int
    reason: str


class AskSockets(_Message, tag=5, frozen=True, gc=False):
    """Which sockets of a namespace do you have?"""

    id: int
    namespace: str
    to: list[str]


class AskCount(_Message, tag=6, frozen=True, gc=False):
    """How many are they?"""

    id: int
    namespace: str
    to: list[str]


class AskRooms(_Message, tag=7, frozen=True, gc=False):
    """In which rooms is this socket? Without a socket: which rooms of a namespace have members?"""

    id: int
    namespace: str
    socket: str | None


class AskRosters(_Message, tag=8, frozen=True, gc=False):
    """Who is present through you, by the channels of these rosters?"""

    id: int
    channels: list[str]


class SocketData(NamedTuple):
    """A socket as other nodes know it."""

    id: str
    user_id: str | None
    protocol: str


class Sockets(_Message, tag=9, frozen=True, gc=False):
    """Answers `AskSockets`. There is `more` to come if it is too much for one message, as with other answers."""

    id: int
    more: bool
    sockets: list[SocketData]


class Count(_Message, tag=10, frozen=True, gc=False):
    """Answers `AskCount`."""

    id: int
    more: bool
    count: int


class Rooms(_Message, tag=11, frozen=True, gc=False):
    """Answers `AskRooms`."""

    id: int
    more: bool
    names: list[str]


class Rosters(_Message, tag=12, frozen=True, gc=False):
    """Answers `AskRosters`, for each channel that was asked for, as of a version of the node."""

    id: int
    more: bool
    version: int
    rosters: dict[str, list[Entry]]


class Change(_Message, tag=13, frozen=True, gc=False):
    """What changed in the roster of one room through one node: this version comes after `previous`, which is 0 if
    nobody was present."""

    channel: str
    version: int
    previous: int
    entered: list[Entry]
    left: list[str]


Question: TypeAlias = AskSockets | AskCount | AskRooms | AskRosters
Answer: TypeAlias = Sockets | Count | Rooms | Rosters
Message: TypeAlias = Broadcast | Hello | Bye | Close | Question | Answer | Change

_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(Message)


class Garbage(ValueError):
    """Not a message of ours."""


class UnknownVersion(ValueError):
    """A message of ours, of another version."""


class Codec:
    """Reads and writes the messages of one node."""

    def __init__(self, node: str) -> None:
        self._node = node.encode("ascii")

    def encode(self, message: Message) -> bytes:
        """What goes to the broker."""
        body = self._node + _encoder.encode(message)
        return _HEAD + crc32(body).to_bytes(4, "big") + body

    def decode(self, data: bytes) -> tuple[str, Message] | None:
        """The sender and the message; None for our own, which brokers may bring back.

        Raises `Garbage` and `UnknownVersion`.
        """
        if data[: len(_HEAD)] != _HEAD:
            if data[: len(_MAGIC)] == _MAGIC and len(data) > _BODY:
                raise UnknownVersion
            raise Garbage
        if len(data) > LARGEST:
            raise Garbage
        node = data[_CHECKED:_BODY]
        if node == self._node:
            return None
        body = memoryview(data)
        if crc32(body[_CHECKED:]) != int.from_bytes(data[len(_HEAD) : _CHECKED], "big"):
            raise Garbage
        try:
            return node.decode("ascii"), _decoder.decode(body[_BODY:])
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise Garbage from error
