"""One client of the application under test."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

from ..types import EXTENSION, ASGIApp, Direct, Extension, Message, Sink, Write

_SHOWN = 200
_SETTLING = 50
_CLOSE_SECONDS = 5.0

Frame = dict[str, Any]


class Refused(Exception):
    """The application refused the connection: with an HTTP `status` and `body`, or by closing at once with `code` and
    `reason`."""

    def __init__(self, status: int | None, code: int | None, reason: str, body: bytes) -> None:
        super().__init__(f"HTTP {status}" if status is not None else f"closed with {code} {reason}")
        self.status = status
        self.code = code
        self.reason = reason
        self.body = body


class RequestFailed(Exception):
    """A request was answered with an error."""

    def __init__(self, code: str, message: str, details: Any = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.details = details


class Peer:
    """A connection to the application, seen from the client.

    Frames are kept in order until they are received; answers go to the request that waits for them. Every wait fails
    after `timeout` seconds with an `AssertionError` that shows the transcript.

    If `pushes` is set, it offers the application what our own server does (see `microsockets.types.EXTENSION`).
    """

    def __init__(self, app: ASGIApp, scope: dict[str, Any], *, v1: bool, timeout: float, pushes: bool = False) -> None:
        self.scope = scope
        self.timeout = timeout
        self.hello: Any = None
        self.subprotocol: str | None = None
        self.transcript: list[str] = []
        self._app = app
        self._v1 = v1
        self._to_app: asyncio.Queue[Message] = asyncio.Queue()
        self._frames: deque[Frame] = deque()
        self._news = asyncio.Event()
        self._requests: dict[int, asyncio.Queue[Frame]] = {}
        self._next_id = 0
        self._left: set[int] = set()
        self._accepted = False
        self._closed: tuple[int, str] | None = None
        self._denied: tuple[int, bytes] | None = None
        self._reading = asyncio.Event()
        self._reading.set()
        self._task: asyncio.Task[None] | None = None
        self._sink: Sink | None = None
        self._unread: list[str] = []
        self._unread_close: tuple[int, str] | None = None
        self._loop = asyncio.get_running_loop()
        self._direct = Direct(self._send_frame, self._take_frame, _flush)
        if pushes:
            line: Extension = {
                "attach": self._attach,
                "direct": lambda: self._direct,
                "close": self._take_close,
                "deflate": False,
            }
            scope["extensions"] = {**scope["extensions"], EXTENSION: line}

    # Opening and closing

    async def open(self) -> None:
        """Performs the handshake; `Client.connect` has done it."""
        self._to_app.put_nowait({"type": "websocket.connect"})
        self._task = asyncio.get_running_loop().create_task(self._run())
        await self._until(lambda: self._accepted or self._closed is not None or self._ended(), "the handshake")
        if self._denied is not None:
            raise Refused(self._denied[0], None, "", self._denied[1])
        if not self._accepted:
            if self._closed is not None:
                raise Refused(403, None, self._closed[1], b"")
            await self._task
            raise AssertionError("the application ended without an answer to the handshake")
        if self._v1:
            await self._until(lambda: bool(self._frames) or self._closed is not None, "$hello")
            if not self._frames and self._closed is not None:
                raise Refused(None, self._closed[0], self._closed[1], b"")
            self.hello = self._frames.popleft()["payload"]

    async def _run(self) -> None:
        try:
            await self._app(self.scope, self._to_app.get, self._from_app)
        finally:
            # What refers to each other would wait for the garbage collector.
            self.scope.get("extensions", {}).pop(EXTENSION, None)
            self._news.set()

    def _ended(self) -> bool:
        return self._task is not None and self._task.done()

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Closes from the client's side and waits until the application is through with the connection."""
        if self._task is None:
            return
        self.resume_reading()
        if not self._task.done() and self._closed is None:
            self.transcript.append(f"-> close {code}")
            self._disconnect(code, reason)
        await asyncio.wait({self._task}, timeout=max(self.timeout, 1.0))
        if not self._task.done():
            self._task.cancel()
            raise AssertionError(self._failure("the application did not finish the connection"))
        if not self._task.cancelled() and (error := self._task.exception()) is not None:
            raise error

    async def receive_close(self) -> tuple[int, str]:
        """Waits until the application closes; the code and reason. Frames before it stay to be received."""
        await self._until(lambda: self._closed is not None, "a close")
        assert self._closed is not None
        return self._closed

    # Sending

    async def send(self, event: str, payload: Any = ..., *, id: int | None = None) -> None:
        """Sends an event; without a payload the frame has none."""
        frame: Frame = {"event": event}
        if payload is not ...:
            frame["payload"] = payload
        if id is not None:
            frame["id"] = id
        await self.send_frame(frame)

    async def send_frame(self, frame: Frame) -> None:
        """Sends any frame."""
        await self.send_text(json.dumps(frame))

    async def send_text(self, text: str) -> None:
        """Sends any text."""
        self.transcript.append(f"-> {text[:_SHOWN]}")
        if self._sink is not None:
            self._loop.call_soon(self._sink.text, text.encode("utf-8", "surrogatepass"))
        else:
            self._to_app.put_nowait({"type": "websocket.receive", "text": text})

    async def send_bytes(self, data: bytes) -> None:
        """Sends a binary frame."""
        self.transcript.append(f"-> {data[:_SHOWN]!r}")
        if self._sink is not None:
            self._loop.call_soon(self._sink.binary, data)
        else:
            self._to_app.put_nowait({"type": "websocket.receive", "bytes": data})

    def _disconnect(self, code: int, reason: str) -> None:
        if self._sink is not None:
            sink, self._sink = self._sink, None
            self._loop.call_soon(sink.closed, code, reason)
        self._to_app.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})

    async def answer(self, id: int, payload: Any = None) -> None:
        """Answers a question of the application."""
        await self.send_frame({"ack": id, "payload": payload})

    async def answer_error(self, id: int, code: str, message: str = "") -> None:
        """Answers a question of the application with an error."""
        await self.send_frame({"ack": id, "error": {"code": code, "message": message}})

    async def request(self, event: str, payload: Any = ...) -> Any:
        """Sends an event with an id and waits for its answer. Raises `RequestFailed`."""
        id, answers = self._open_request()
        try:
            await self.send(event, payload, id=id)
            frame = await self._answer(answers, event)
        finally:
            del self._requests[id]
        _raise_error(frame)
        if "payload" not in frame:
            raise AssertionError(self._failure(f"the answer to {event!r} is a stream; use stream()"))
        return frame["payload"]

    async def stream(self, event: str, payload: Any = ...) -> AsyncGenerator[Any, None]:
        """Sends an event with an id and yields the items of the answer; leaving it early sends `$cancel`. Raises
        `RequestFailed`."""
        id, answers = self._open_request()
        ended = False
        try:
            await self.send(event, payload, id=id)
            while True:
                frame = await self._answer(answers, event)
                if "item" not in frame:
                    ended = True
                    _raise_error(frame)
                    return
                yield frame["item"]
        finally:
            del self._requests[id]
            if not ended and self._closed is None:
                self._left.add(id)
                await self.send("$cancel", id)

    def _open_request(self) -> tuple[int, asyncio.Queue[Frame]]:
        id, self._next_id = self._next_id, self._next_id + 1
        answers = self._requests[id] = asyncio.Queue()
        return id, answers

    async def _answer(self, answers: asyncio.Queue[Frame], event: str) -> Frame:
        await self._until(lambda: not answers.empty() or self._closed is not None, f"the answer to {event!r}")
        if answers.empty():
            raise AssertionError(self._failure(f"closed before the answer to {event!r}"))
        return answers.get_nowait()

    # Receiving

    async def receive_frame(self) -> Frame:
        """The next frame, whatever it is."""
        await self._until(lambda: bool(self._frames) or self._closed is not None, "a frame")
        if not self._frames:
            raise AssertionError(self._failure("closed while waiting for a frame"))
        return self._frames.popleft()

    async def receive(self, event: str) -> Any:
        """The payload of the next frame, which must be this event."""
        frame = await self.receive_frame()
        if frame.get("event") != event:
            raise AssertionError(self._failure(f"expected event {event!r}, got {json.dumps(frame)[:_SHOWN]}"))
        return frame.get("payload")

    async def expect_nothing(self) -> None:
        """Lets the application come to rest, and fails if a frame arrived."""
        for _ in range(_SETTLING):
            await asyncio.sleep(0)
        if self._frames:
            raise AssertionError(self._failure(f"expected nothing, got {json.dumps(self._frames[0])[:_SHOWN]}"))

    def pause_reading(self) -> None:
        """Stops taking what the application sends, like a reader that stalls."""
        self._reading.clear()

    def resume_reading(self) -> None:
        """Goes on taking what the application sends."""
        if self._reading.is_set():
            return
        self._reading.set()
        unread, self._unread = self._unread, []
        for text in unread:
            self._take_text(text)
        if self._sink is not None and unread:
            self._sink.congested(False)
        if self._unread_close is not None:
            self._receive_close(*self._unread_close)

    # The push interface

    def _attach(self, sink: Sink) -> Write:
        self._sink = sink
        return self._take_frame

    def _send_frame(self, frame: bytes) -> int:
        if not self._reading.is_set():
            raise BlockingIOError
        self._take_frame(frame)
        return len(frame)

    def _take_frame(self, frame: bytes) -> None:
        size = frame[1]
        text = frame[2 if size < 126 else 4 if size == 126 else 10 :].decode()
        if self._reading.is_set():
            self._take_text(text)
            self._news.set()
            return
        # The first frame that is not read fills the transport.
        self._unread.append(text)
        if len(self._unread) == 1 and self._sink is not None:
            self._sink.congested(True)

    def _take_close(self, code: int, reason: str, seconds: float = _CLOSE_SECONDS) -> None:
        if self._reading.is_set():
            self._receive_close(code, reason)
        elif self._unread_close is None:
            self._unread_close = (code, reason)
            self._loop.call_later(seconds, self._drop)

    def _drop(self) -> None:
        if self._closed is None:
            self._disconnect(1006, "")

    def _receive_close(self, code: int, reason: str) -> None:
        if self._closed is None:
            self._closed = (code, reason)
            self.transcript.append(f"<- close {code} {reason}")
            self._disconnect(code, reason)
            self._news.set()

    async def _from_app(self, message: Message) -> None:
        kind = message["type"]
        if kind == "websocket.send":
            await self._reading.wait()
            self._take_text(message["text"])
        elif kind == "websocket.accept":
            self._accepted = True
            self.subprotocol = message.get("subprotocol")
        elif kind == "websocket.close":
            await self._reading.wait()
            self._receive_close(message.get("code", 1000), message.get("reason") or "")
        elif kind == "websocket.http.response.start":
            self._denied = (message["status"], b"")
        elif kind == "websocket.http.response.body":
            assert self._denied is not None
            self._denied = (self._denied[0], self._denied[1] + message.get("body", b""))
        self._news.set()

    def _take_text(self, text: str) -> None:
        self.transcript.append(f"<- {text[:_SHOWN]}")
        self._sort(json.loads(text))

    def _sort(self, frame: Frame) -> None:
        ack = frame.get("ack", -1)
        request = self._requests.get(ack)
        if request is not None:
            request.put_nowait(frame)
        elif ack in self._left:
            # Of a stream that was left, what comes is for nobody, up to its end.
            if "item" not in frame:
                self._left.discard(ack)
        else:
            self._frames.append(frame)

    async def _until(self, happened: Callable[[], bool], what: str) -> None:
        async def wait() -> None:
            while not happened():
                self._news.clear()
                await self._news.wait()

        await self._within(wait(), what)

    async def _within(self, waiting: Awaitable[None], what: str) -> None:
        try:
            await asyncio.wait_for(waiting, self.timeout)
        except TimeoutError:
            raise AssertionError(self._failure(f"{what} did not come within {self.timeout:g} s")) from None

    def _failure(self, what: str) -> str:
        lines = "\n  ".join(self.transcript) or "(nothing)"
        return f"{what}; so far:\n  {lines}"


def _raise_error(frame: Frame) -> None:
    if "error" in frame:
        error = frame["error"]
        raise RequestFailed(error["code"], error["message"], error.get("details"))


def _flush() -> None:
    """Nothing is gathered."""
