"""The scope extension `microsockets`: what arrives is pushed into a sink, and whole frames are written."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from queue import SimpleQueue
from typing import Any

import pytest
from microsockets.protocol.framing import frame_binary, frame_text
from microsockets.types import EXTENSION, Direct, Extension, Message, Receive, Scope, Send, Write

from tests.server.conftest import Serve
from tests.server.serving import OUR_STACKS, Host, Stack
from tests.server.wire import BINARY, CLOSE, PING, PONG, SECONDS, TEXT, Frame, Wire, close_frame, frame


@pytest.fixture(params=OUR_STACKS, ids=str)
def stack(request: pytest.FixtureRequest) -> Stack:
    chosen: Stack = request.param
    return chosen


class Recorder:
    """A sink that keeps what it is told, in order."""

    def __init__(self) -> None:
        self.heard: SimpleQueue[tuple[Any, ...]] = SimpleQueue()

    def text(self, data: bytes) -> None:
        self.heard.put(("text", data))

    def binary(self, data: bytes) -> None:
        self.heard.put(("binary", data))

    def closed(self, code: int, reason: str) -> None:
        self.heard.put(("closed", code, reason))

    def congested(self, yes: bool) -> None:
        self.heard.put(("congested", yes))

    def next(self) -> tuple[Any, ...]:
        return self.heard.get(timeout=SECONDS)


class Selective(Recorder):
    """A sink that takes short messages only."""

    message_bytes = 10

    def too_large(self, size: int) -> None:
        self.heard.put(("too_large", size))


Script = Callable[["Pushed", Receive, Send], Awaitable[None]]


class Pushed:
    """An application that attaches a sink before it accepts, and then follows a script."""

    def __init__(self, script: Script | None = None, sink: Recorder | None = None, *, late: bool = False) -> None:
        self.sink = sink or Recorder()
        self.write: Write = lambda frame: None
        self.extension: Extension | None = None
        self.left = asyncio.Event()
        self._script = script
        self._late = late

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert (await receive())["type"] == "websocket.connect"
        self.extension = scope["extensions"][EXTENSION]
        if not self._late:
            self.attach()
        await send({"type": "websocket.accept"})
        if self._script is not None:
            await self._script(self, receive, send)
        await self.left.wait()

    def attach(self) -> None:
        assert self.extension is not None
        self.write = self.extension["attach"](self.sink)

    def direct(self) -> Direct:
        assert self.extension is not None
        direct = self.extension["direct"]()
        assert direct is not None
        return direct


async def turns() -> None:
    """Lets the event loop hand over what was written."""
    for _ in range(3):
        await asyncio.sleep(0)


@pytest.fixture
def leave(host: Host) -> Any:
    """Ends the applications of a test."""
    apps: list[Pushed] = []

    def note(app: Pushed) -> Pushed:
        apps.append(app)
        return app

    yield note
    for app in apps:
        host.loop.call_soon_threadsafe(app.left.set)


Leave = Callable[[Pushed], Pushed]


def test_what_arrives_is_pushed_in_order(host: Host, leave: Leave) -> None:
    app = leave(Pushed())
    wire = host.open(app)
    wire.send(frame(TEXT, "one") + frame(BINARY, b"\xff") + frame(TEXT, "zwölf", fin=False) + frame(0, b"!"))
    assert [app.sink.next() for _ in range(3)] == [("text", b"one"), ("binary", b"\xff"), ("text", "zwölf!".encode())]
    wire.send(close_frame(4000, "bye"))
    assert app.sink.next() == ("closed", 4000, "bye")
    assert wire.frame() == Frame(CLOSE, b"\x0f\xa0bye")


def test_control_frames_are_not_pushed(host: Host, leave: Leave) -> None:
    app = leave(Pushed())
    wire = host.open(app)
    wire.send(frame(PING, b"?") + frame(PONG, b"") + frame(TEXT, "text"))
    assert wire.frame() == Frame(PONG, b"?")
    assert app.sink.next() == ("text", b"text")


def test_whole_frames_are_written_as_they_are(host: Host, leave: Leave) -> None:
    async def script(app: Pushed, receive: Receive, send: Send) -> None:
        app.write(frame_text(b"one"))
        await send({"type": "websocket.send", "text": "two"})
        app.write(frame_binary(b"three"))

    wire = host.open(leave(Pushed(script)))
    assert [wire.frame() for _ in range(3)] == [Frame(TEXT, b"one"), Frame(TEXT, b"two"), Frame(BINARY, b"three")]


def test_what_is_written_in_one_turn_of_the_loop_travels_together(host: Host, leave: Leave) -> None:
    async def script(app: Pushed, receive: Receive, send: Send) -> None:
        for number in range(100):
            app.write(frame_text(b"%03d" % number))

    wire = host.open(leave(Pushed(script)))
    assert wire.frame() == Frame(TEXT, b"000")
    # All of it came with the first piece that was read, or behind the response.
    assert len(wire._frames.buffer) == 99 * 5


def test_the_direct_way_keeps_the_order_if_it_is_flushed_first(host: Host, leave: Leave) -> None:
    async def script(app: Pushed, receive: Receive, send: Send) -> None:
        for turn in (b"a", b"b"):
            app.write(frame_text(turn + b"0"))
            app.write(frame_text(turn + b"1"))
            direct = app.direct()
            direct.flush()
            assert direct.send(frame_text(turn + b"2")) == 4
            assert direct.send(frame_text(turn + b"3")) == 4
            app.write(frame_text(turn + b"4"))
            await turns()

    wire = host.open(leave(Pushed(script)))
    expected = [turn + b"%d" % number for turn in (b"a", b"b") for number in range(5)]
    assert [wire.frame() for _ in range(10)] == [Frame(TEXT, each) for each in expected]


def test_what_the_direct_way_did_not_take_goes_on_before_anything_else(host: Host, leave: Leave) -> None:
    async def script(app: Pushed, receive: Receive, send: Send) -> None:
        direct = app.direct()
        direct.flush()
        number = 0
        for number in range(1000):
            data = frame_text(b"%06d" % number * 1000)
            try:
                sent = direct.send(data)
            except BlockingIOError:
                sent = 0
            if sent != len(data):
                direct.rest(data[sent:])
                # The client reads meanwhile, so the rest may have found room.
                if not app.sink.heard.empty():
                    break
        assert app.sink.next() == ("congested", True)
        app.write(frame_text(b"%d" % number))

    app = leave(Pushed(script))
    wire = host.open(app, receive_buffer=4096)
    number = 0
    while (got := wire.frame()) == Frame(TEXT, b"%06d" % number * 1000):
        number += 1
    assert got == Frame(TEXT, b"%d" % (number - 1))
    assert app.sink.next() == ("congested", False)


def breaks(wire: Wire) -> None:
    wire.send(b"\xff\xff\xff")


def leaves(wire: Wire) -> None:
    wire.send(close_frame(1000))


def resets(wire: Wire) -> None:
    wire.reset()


@pytest.mark.parametrize("end", [breaks, leaves, resets])
def test_after_the_end_the_direct_way_leads_nowhere(host: Host, leave: Leave, end: Callable[[Wire], None]) -> None:
    class Late(Recorder):
        """Sends when it is told of the end, as a broadcast may that comes before anybody has heard of it."""

        def closed(self, code: int, reason: str) -> None:
            (direct,) = directs
            with pytest.raises(OSError, match="descriptor"):
                direct.send(frame_text(b"late"))
            direct.flush()
            direct.rest(frame_text(b"late"))
            super().closed(code, reason)

    async def script(app: Pushed, receive: Receive, send: Send) -> None:
        directs.append(app.direct())
        app.sink.heard.put(("ready",))

    directs: list[Direct] = []
    app = leave(Pushed(script, sink=Late()))
    wire = host.open(app)
    assert app.sink.next() == ("ready",)
    end(wire)
    assert app.sink.next()[0] == "closed"
    if end is not resets:
        wire.closing()
        wire.gone()


def test_the_direct_way_is_there_while_the_connection_is_open(host: Host, leave: Leave) -> None:
    class Curious(Pushed):
        def attach(self) -> None:
            super().attach()
            assert self.extension is not None
            assert self.extension["direct"]() is None

    async def script(app: Pushed, receive: Receive, send: Send) -> None:
        send_now = app.direct().send
        assert (await receive())["type"] == "websocket.disconnect"
        await turns()
        with pytest.raises(OSError, match="descriptor"):
            send_now(b"")
        app.sink.heard.put(("refused",))

    app = leave(Curious(script))
    wire = host.open(app)
    wire.reset()
    assert app.sink.next() == ("closed", 1006, "")
    assert app.sink.next() == ("refused",)


def test_what_is_written_before_the_client_was_accepted_goes_nowhere(host: Host, leave: Leave) -> None:
    class Hasty(Pushed):
        def attach(self) -> None:
            super().attach()
            self.write(frame_text(b"early"))

    async def script(app: Pushed, receive: Receive, send: Send) -> None:
        app.write(frame_text(b"one"))

    wire = host.open(leave(Hasty(script)))
    assert wire.frame() == Frame(TEXT, b"one")


def test_what_came_before_the_sink_is_pushed_first(host: Host, leave: Leave) -> None:
    async def script(app: Pushed, receive: Receive, send: Send) -> None:
        first = await receive()
        assert first["text"] == "one"
        while True:
            second: Message = await receive()
            if second["text"] == "attach":
                break
        app.attach()

    app = leave(Pushed(script, late=True))
    wire = host.open(app)
    wire.send(frame(TEXT, "one") + frame(TEXT, "attach") + frame(TEXT, "two") + frame(BINARY, b"three"))
    assert [app.sink.next() for _ in range(2)] == [("text", b"two"), ("binary", b"three")]


def test_a_sink_that_comes_too_late_hears_of_the_end(host: Host, leave: Leave) -> None:
    async def script(app: Pushed, receive: Receive, send: Send) -> None:
        assert (await receive())["type"] == "websocket.disconnect"
        app.attach()

    app = leave(Pushed(script, late=True))
    host.open(app).send(close_frame(1000))
    assert app.sink.next() == ("closed", 1000, "")


def test_receive_waits_for_the_end_only(host: Host, leave: Leave) -> None:
    ends: SimpleQueue[Message] = SimpleQueue()

    async def script(app: Pushed, receive: Receive, send: Send) -> None:
        ends.put(await receive())

    app = leave(Pushed(script))
    wire = host.open(app)
    wire.send(frame(TEXT, "for the sink"))
    assert app.sink.next() == ("text", b"for the sink")
    assert ends.empty()
    wire.send(close_frame(4001))
    assert ends.get(timeout=SECONDS) == {"type": "websocket.disconnect", "code": 4001, "reason": ""}


def test_the_end_comes_once_however_it_comes(host: Host, leave: Leave) -> None:
    app = leave(Pushed())
    wire = host.open(app)
    wire.reset()
    assert app.sink.next() == ("closed", 1006, "")
    host.turn()
    assert app.sink.heard.empty()


def test_closing_comes_after_what_was_written(host: Host, leave: Leave) -> None:
    async def script(app: Pushed, receive: Receive, send: Send) -> None:
        assert app.extension is not None
        app.write(frame_text(b"last"))
        app.extension["close"](4321, "done")
        app.write(frame_text(b"too late"))
        await turns()
        app.write(frame_text(b"too late"))

    app = leave(Pushed(script))
    wire = host.open(app)
    assert wire.frame() == Frame(TEXT, b"last")
    assert wire.frame() == Frame(CLOSE, b"\x10\xe1done")
    wire.send(close_frame(4321, "done"))
    assert app.sink.next() == ("closed", 4321, "done")


def test_a_close_that_meets_the_clients_own_is_answered_by_it(host: Host, leave: Leave) -> None:
    class Quitter(Recorder):
        def text(self, data: bytes) -> None:
            assert app.extension is not None
            app.extension["close"](4000, "enough")

    app = leave(Pushed(sink=Quitter()))
    wire = host.open(app)
    # Nobody waits for the time limit of the closing handshake.
    wire.send(frame(TEXT, "one") + frame(TEXT, "two") + close_frame(4001, "me too") + frame(TEXT, "three"))
    assert app.sink.next() == ("closed", 4001, "me too")
    assert wire.closing().code == 4000
    wire.gone()


def test_a_client_that_does_not_answer_a_close_is_dropped(host: Host, leave: Leave) -> None:
    async def script(app: Pushed, receive: Receive, send: Send) -> None:
        assert app.extension is not None
        app.extension["close"](1000, "", 0.1)

    app = leave(Pushed(script))
    host.open(app)
    assert app.sink.next() == ("closed", 1006, "")


def test_a_sink_that_is_choosy_is_told_the_size_of_what_is_passed_over(host: Host, leave: Leave) -> None:
    app = leave(Pushed(sink=Selective()))
    wire = host.open(app)
    wire.send(frame(TEXT, "x" * 11) + frame(TEXT, "short") + frame(BINARY, b"x" * 100_000) + frame(TEXT, "again"))
    assert [app.sink.next() for _ in range(4)] == [
        ("too_large", 11),
        ("text", b"short"),
        ("too_large", 100_000),
        ("text", b"again"),
    ]


def test_a_slow_reader_is_told_of_until_it_has_caught_up(host: Host, leave: Leave) -> None:
    async def script(app: Pushed, receive: Receive, send: Send) -> None:
        for _ in range(100):
            app.write(frame_binary(b"x" * 16_384))

    app = leave(Pushed(script))
    wire = host.open(app, receive_buffer=4096)
    assert app.sink.next() == ("congested", True)
    for _ in range(100):
        assert wire.frame() == Frame(BINARY, b"x" * 16_384)
    assert app.sink.next() == ("congested", False)


def test_what_breaks_the_protocol_after_our_close_ends_the_connection(host: Host, leave: Leave) -> None:
    class Quitter(Recorder):
        def text(self, data: bytes) -> None:
            assert app.extension is not None
            app.extension["close"](4000, "enough")

    app = leave(Pushed(sink=Quitter()))
    wire = host.open(app)
    wire.send(frame(TEXT, "one") + b"\xff\xff\xff")
    assert app.sink.next() == ("closed", 1006, "")


def test_deflate_is_said_when_it_was_negotiated(serve: Serve) -> None:
    offered: SimpleQueue[bool] = SimpleQueue()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        offered.put(scope["extensions"][EXTENSION]["deflate"])
        await receive()
        await send({"type": "websocket.accept"})

    for on, lines, expected in (
        (True, ["Sec-WebSocket-Extensions: permessage-deflate"], True),
        (True, [], False),
        (False, ["Sec-WebSocket-Extensions: permessage-deflate"], False),
    ):
        host = serve(ws_per_message_deflate=on)
        host.open(app, *lines)
        assert offered.get(timeout=SECONDS) is expected
