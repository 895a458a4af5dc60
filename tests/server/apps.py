"""Applications that more than one file of tests needs."""

from __future__ import annotations

from queue import Empty, SimpleQueue

from microsockets.types import Message, Receive, Scope, Send

from tests.server.wire import SECONDS


class Echo:
    """Accepts, sends back what comes, and keeps what it was told."""

    def __init__(self) -> None:
        self._scopes: SimpleQueue[Scope] = SimpleQueue()
        self._events: SimpleQueue[Message] = SimpleQueue()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scopes.put(scope)
        message = await receive()
        assert message["type"] == "websocket.connect"
        await send({"type": "websocket.accept"})
        while True:
            message = await receive()
            self._events.put(message)
            if message["type"] == "websocket.disconnect":
                return
            await send({**message, "type": "websocket.send"})

    def scope(self) -> Scope:
        """The scope of the next connection."""
        try:
            return self._scopes.get(timeout=SECONDS)
        except Empty:
            raise AssertionError("the application was not called") from None

    def event(self) -> Message:
        """The next event of any connection."""
        try:
            return self._events.get(timeout=SECONDS)
        except Empty:
            raise AssertionError("the application was told nothing") from None

    def disconnect(self) -> tuple[int, str]:
        """Code and reason of the next event, which says that the connection is over."""
        event = self.event()
        assert event["type"] == "websocket.disconnect", event
        return event["code"], event.get("reason") or ""

    def heard_nothing(self) -> bool:
        """Whether no connection was made and no event came that was not asked for."""
        return self._scopes.empty() and self._events.empty()


def content(event: Message) -> str | bytes:
    """What a received message holds."""
    assert event["type"] == "websocket.receive", event
    (held,) = (event[key] for key in ("text", "bytes") if event.get(key) is not None)
    assert isinstance(held, str | bytes), event
    return held
