"""How to say "echo", "join" and "say" to each kind of server, and how to tell what it answers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeAlias, cast

Payload: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Sent:
    """A text that the client sends."""

    text: str


@dataclass(frozen=True)
class Expected:
    """How the next text that the server sends must begin."""

    prefix: str


Step: TypeAlias = Sent | Expected


class Dialect(Protocol):
    """One protocol. Ids have one digit, so that all frames of a kind are of one length."""

    path: str
    opening: tuple[Step, ...]
    """What is said after the handshake, before the first request."""
    ping: str
    """The server's question whether the client lives, as text; empty where the protocol has none."""
    pong: str

    def echo(self, number: int, payload: Any) -> str:
        """Asks for the payload, which is validated, back."""
        ...

    def join(self, number: int) -> str:
        """Asks to become a member of the room."""
        ...

    def say(self, number: int, payload: Any) -> str:
        """Asks to send the payload, which is validated, to all members."""
        ...

    def answer(self, number: int, text: str) -> Any:
        """The payload in the answer to this request. Raises `ValueError` if the text is none or tells of a failure."""
        ...

    def said(self, text: str) -> Any:
        """The payload of what somebody said. Raises `ValueError` if the text is something else."""
        ...


class Microsockets:
    """Events and answers as ours are. The servers written by hand speak it too: it is what one would come up with."""

    path: str = "/"
    opening: tuple[Step, ...] = ()
    ping: str = ""
    pong: str = ""

    def echo(self, number: int, payload: Any) -> str:
        """See `Dialect`."""
        return _json({"event": "echo", "id": number, "payload": payload})

    def join(self, number: int) -> str:
        """See `Dialect`."""
        return _json({"event": "join", "id": number, "payload": "lobby"})

    def say(self, number: int, payload: Any) -> str:
        """See `Dialect`."""
        return _json({"event": "say", "id": number, "payload": payload})

    def answer(self, number: int, text: str) -> Any:
        """See `Dialect`."""
        frame = _object(text)
        if frame.keys() != {"ack", "payload"} or frame["ack"] != number:
            raise ValueError(f"this does not answer request {number}: {text}")
        return frame["payload"]

    def said(self, text: str) -> Any:
        """See `Dialect`."""
        frame = _object(text)
        if frame.keys() != {"event", "payload"} or frame["event"] != "said":
            raise ValueError(f"nobody said this: {text}")
        return frame["payload"]


class SocketIO:
    """Socket.IO 5 in Engine.IO 4: a digit for each layer's kind of packet, the id, and a list in JSON."""

    path: str = "/socket.io/?EIO=4&transport=websocket"
    opening: tuple[Step, ...] = (Expected("0{"), Sent("40"), Expected("40{"))
    ping: str = "2"
    pong: str = "3"

    def echo(self, number: int, payload: Any) -> str:
        """See `Dialect`."""
        return f"42{number}{_json(['echo', payload])}"

    def join(self, number: int) -> str:
        """See `Dialect`."""
        return f"42{number}{_json(['join', 'lobby'])}"

    def say(self, number: int, payload: Any) -> str:
        """See `Dialect`."""
        return f"42{number}{_json(['say', payload])}"

    def answer(self, number: int, text: str) -> Any:
        """See `Dialect`."""
        if not text.startswith(f"43{number}["):
            raise ValueError(f"this does not answer request {number}: {text}")
        arguments = json.loads(text[3:])
        if arguments and isinstance(arguments[0], dict) and "error" in arguments[0]:
            raise ValueError(f"request {number} failed: {text}")
        return arguments[0] if arguments else None

    def said(self, text: str) -> Any:
        """See `Dialect`."""
        if not text.startswith('42["said",'):
            raise ValueError(f"nobody said this: {text}")
        return json.loads(text[2:])[1]


class Chanx:
    """Actions, with chanx's envelope around those that want an answer."""

    path: str = "/"
    opening: tuple[Step, ...] = ()
    ping: str = ""
    pong: str = ""

    def echo(self, number: int, payload: Any) -> str:
        """See `Dialect`."""
        return self._request("echo", number, payload)

    def join(self, number: int) -> str:
        """See `Dialect`."""
        return self._request("join", number, "lobby")

    def say(self, number: int, payload: Any) -> str:
        """See `Dialect`."""
        return self._request("say", number, payload)

    def answer(self, number: int, text: str) -> Any:
        """See `Dialect`."""
        frame = _object(text)
        if frame.get("ref") != str(number) or frame.get("action") not in ("echoed", "done"):
            raise ValueError(f"this does not answer request {number}: {text}")
        return frame.get("payload")

    def said(self, text: str) -> Any:
        """See `Dialect`."""
        frame = _object(text)
        if frame.get("action") != "said" or "ref" in frame:
            raise ValueError(f"nobody said this: {text}")
        return frame.get("payload")

    def _request(self, action: str, number: int, payload: Any) -> str:
        return _json({"action": action, "payload": payload, "version": 1, "ref": str(number)})


MICROSOCKETS: Final[Dialect] = Microsockets()
SOCKET_IO: Final[Dialect] = SocketIO()
CHANX: Final[Dialect] = Chanx()


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def _object(text: str) -> dict[str, Any]:
    value: Any = json.loads(text)
    if not isinstance(value, dict):
        raise ValueError(f"this is no object: {text}")
    return cast("dict[str, Any]", value)
