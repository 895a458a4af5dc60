"""The least that a call needs around it."""

from __future__ import annotations

from typing import Any

from microsockets.errors import Error
from microsockets.middleware import Call


class Peer:
    """A socket as the middlewares see it."""

    def __init__(
        self, id: str = "s1", *, protocol: str = "v1", user_id: str | None = None, client: tuple[str, int] | None = None
    ) -> None:
        self.id = id
        self.protocol = protocol
        self.user_id = user_id
        self.scope: dict[str, Any] = {"client": client} if client else {}


class Route:
    """A route whose payload is the text of its bytes."""

    streams = False
    concurrent: int | None = None
    seconds = 30.0
    raises: tuple[type[Error], ...] = ()

    async def run(self, call: Call, /) -> Any:
        return await answer(call)

    def encode(self, result: Any) -> bytes:
        return repr(result).encode()

    def read_payload(self, call: Call) -> Any:
        return call.raw.decode()


async def answer(call: Any) -> Any:
    return "answer"


def make_call(peer: Peer | None = None, *, event: str = "x", raw: bytes = b"", id: int = 1) -> Call:
    return Call(peer or Peer(), event, raw, id, Route(), len(raw))
