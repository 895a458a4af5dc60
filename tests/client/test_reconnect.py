"""Reconnecting, the queue and the rules of the wire, against a server that does what a test says."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from typing import Any

import pytest
from microsockets import UsageError
from microsockets.client import Dropped, MicroSocket, MicroSocketError, QueueLimits, StateChange

from tests.client.peers import Clock, Heard, Peer, Scripted, reaches

BUSY = {"code": "overloaded", "message": ""}


async def silent(peer: Peer) -> None:
    """Never says hello."""


@pytest.mark.parametrize("code", [1001, 1005, 1006, 1011, 1012, 1013, 4401, 4413, 4429])
async def test_after_these_codes_it_connects_again(server: Scripted, clock: Clock, code: int) -> None:
    async with MicroSocket(server.url) as socket:
        closed = Heard()
        socket.on_close(closed)
        await socket.ready()
        clock.skip_delays(socket)
        server.last.close(code)
        change = await reaches(socket, "waiting")
        assert change is not None
        assert change.end is not None
        assert (change.previous, change.end.code) == ("open", code)
        await reaches(socket, "open")
        assert len(server.peers) == 2
        assert closed.calls == []


@pytest.mark.parametrize("code", [1000, 1002, 1003, 1007, 1008, 1009, 1010, 4500, 4503, 4504, 4509, 4999, 3000])
async def test_these_codes_are_final(server: Scripted, code: int) -> None:
    async with MicroSocket(server.url) as socket:
        closed = Heard()
        socket.on_close(closed)
        await socket.ready()
        server.last.close(code)
        assert (await closed.next()).code == code
        assert socket.state == "closed"
        with pytest.raises(MicroSocketError, match=f"disconnected.*{code}"):
            await socket.ready()


async def test_without_reconnecting_every_loss_is_final(server: Scripted) -> None:
    async with MicroSocket(server.url, reconnect=False) as socket:
        closed = Heard()
        socket.on_close(closed)
        await socket.ready()
        server.last.close(1012)
        assert (await closed.next()).code == 1012


async def test_it_waits_longer_after_each_failure_up_to_20_s_and_never_under_200_ms(
    server: Scripted, clock: Clock
) -> None:
    server.accept = lambda peer: peer.close(1006)
    socket = MicroSocket(server.url)
    delays = clock.skip_delays(socket)
    async with socket:
        await server.until(lambda: len(server.peers) > 12)
    for delay, limit in zip(delays, [0.5, 1, 2, 4, 8, 16, *[20] * 7], strict=False):
        assert 0.2 <= delay <= limit
    # At random: never all of them the same, nor the limits.
    assert len(set(delays)) > 2


async def test_a_connection_that_was_open_for_10_s_forgives_the_failures_before_it(
    server: Scripted, clock: Clock
) -> None:
    server.accept = lambda peer: peer.close(1006)
    socket = MicroSocket(server.url)
    delays = clock.skip_delays(socket)
    async with socket:
        await server.until(lambda: len(server.peers) == 8)
        server.accept = Peer.hello
        await socket.ready()
        clock.skip(10)
        server.last.close(1012)
        await reaches(socket, "waiting")
    assert delays[-1] <= 0.5


@pytest.mark.parametrize("wait", [0, -1, 1e300, "1", None, {}, [0]])
async def test_whatever_a_server_says_it_keeps_200_ms(server: Scripted, clock: Clock, wait: Any) -> None:
    async def refuse(peer: Peer) -> None:
        await peer.hello()
        await peer.send({"event": "$error", "payload": {**BUSY, "details": {"retry_after": wait}}})
        await peer.send({"event": "$drain", "payload": {"after_ms": wait}})
        peer.close(1013)

    server.accept = refuse
    socket = MicroSocket(server.url)
    socket.on_error(lambda error, event: None)
    delays = clock.skip_delays(socket)
    async with socket:
        await server.until(lambda: len(server.peers) > 3)
    assert min(delays) >= 0.2
    assert max(delays) <= 3600
    gaps = [later.at - earlier.at for earlier, later in zip(server.peers, server.peers[1:], strict=False)]
    assert min(gaps) >= 0.199


async def test_it_leaves_a_busy_server_alone_for_as_long_as_it_says(server: Scripted, clock: Clock) -> None:
    async with MicroSocket(server.url) as socket:
        told = Heard()
        socket.on_error(told)
        await socket.ready()
        await server.last.send({"event": "$error", "payload": {**BUSY, "details": {"retry_after": 70}}})
        await told.next()
        delays = clock.skip_delays(socket)
        server.last.close(1013)
        await reaches(socket, "waiting")
        assert 69 < delays[0] <= 70
        await reaches(socket, "open")


async def test_a_server_that_drains_is_left_when_nothing_is_in_flight_any_more(server: Scripted, clock: Clock) -> None:
    async with MicroSocket(server.url) as socket:
        await socket.ready()
        later = Heard()
        socket.on("later", later)
        answer = asyncio.create_task(socket.request("slow"))
        first = server.last
        await first.receive(1)
        await first.send({"event": "$drain", "payload": {"after_ms": 5000}}, {"event": "later"})
        await later.next()
        clock.skip(5)
        await first.send({"event": "later"})
        await later.next(2)
        assert socket.state == "open"
        clock.skip_delays(socket)
        await first.answer(0, "done")
        assert await answer == "done"
        await server.until(lambda: len(server.peers) == 2)
        await reaches(socket, "open")
        await first.until(lambda: first.code is not None)
        assert first.code == 1000


async def test_on_open_its_handlers_go_before_the_queue_of_which_at_most_8_are_unanswered(server: Scripted) -> None:
    socket = MicroSocket(server.url)
    joined = Heard()

    @socket.on_open()
    async def join() -> None:
        joined(await socket.request("join", "lobby"))
        await socket.send("joined")

    async with socket:
        for n in range(20):
            await socket.send("queued", n)
        await server.until(lambda: server.peers)
        peer = server.last
        assert await peer.receive(1) == [{"event": "join", "id": 0, "payload": "lobby"}]
        # What others send now waits behind the queue.
        await socket.send("queued", 20)
        await peer.answer(0, 5)
        await peer.receive(10)
        assert joined.calls == [5]
        assert peer.frames[1] == {"event": "joined"}
        assert peer.frames[2] == {"event": "queued", "payload": 0, "id": 1}
        assert peer.ids("queued") == list(range(1, 9))
        await peer.answer(1)
        await peer.answer(2)
        await peer.receive(12)
        assert peer.ids("queued") == list(range(1, 11))
        for id in range(3, 22):
            await peer.receive(id + 1)
            await peer.answer(id)
        assert [frame["payload"] for frame in peer.frames[2:]] == list(range(21))


async def test_an_open_handler_that_does_not_end_holds_the_queue_for_10_s_only(server: Scripted, clock: Clock) -> None:
    socket = MicroSocket(server.url)
    forever = asyncio.Event()
    ended: list[str] = []

    @socket.on_open()
    async def subscribe() -> None:
        try:
            await socket.send("first")
            await forever.wait()
        finally:
            ended.append(socket.state)

    async with socket:
        await socket.send("second")
        await server.until(lambda: server.peers)
        await server.last.receive(1)
        clock.skip(9.0)
        await socket.send("unqueued", queue=False)
        assert [frame["event"] for frame in await server.last.receive(2)] == ["first", "unqueued"]
        clock.skip(1.1)
        assert (await server.last.receive(3))[2]["event"] == "second"
        clock.skip_delays(socket)
        server.last.close(1012)
        # It is cancelled with its connection, and called anew for the next.
        await server.until(lambda: len(server.peers) == 2)
        assert ended == ["waiting"]
        await server.last.receive(1)
        forever.set()


async def test_a_queue_that_the_server_finds_too_fast_waits_and_keeps_its_order(server: Scripted, clock: Clock) -> None:
    async with MicroSocket(server.url) as socket:
        for text in "abc":
            await socket.send("queued", text)
        await server.until(lambda: server.peers)
        peer = server.last
        await peer.receive(3)
        failure = {"code": "rate_limited", "message": "", "details": {"retry_after": 10}}
        told = Heard()
        socket.on("told", told)
        await peer.send({"ack": 1, "error": failure}, {"ack": 0, "error": failure}, {"ack": 2, "payload": None})
        await peer.send({"event": "told"})
        await told.next()
        clock.skip(9.5)
        await peer.send({"event": "told"})
        await told.next(2)
        assert len(peer.frames) == 3
        clock.skip(0.5)
        assert [frame["payload"] for frame in (await peer.receive(5))[3:]] == ["a", "b"]


async def test_each_message_that_is_lost_is_told_and_why(server: Scripted) -> None:
    dropped = Heard()
    socket = MicroSocket(server.url, queue=QueueLimits(messages=2))
    socket.on_dropped(dropped)
    async with socket:
        await socket.send("one")
        await socket.send("not worth it", 1, queue=False)
        second = asyncio.create_task(socket.request("two"))
        third = asyncio.create_task(socket.request("three"))
        with pytest.raises(MicroSocketError, match="overloaded"):
            await third
        await socket.close()
        with pytest.raises(MicroSocketError, match="disconnected"):
            await second
    assert dropped.calls == [
        Dropped("not worth it", 1, "disconnected", sent=False),
        Dropped("three", ..., "overloaded", sent=False),
        Dropped("one", ..., "disconnected", sent=False),
        Dropped("two", ..., "disconnected", sent=False),
    ]


async def test_without_a_queue_nothing_waits(server: Scripted) -> None:
    dropped = Heard()
    socket = MicroSocket(server.url, queue=None)
    socket.on_dropped(dropped)
    async with socket:
        await socket.send("one")
        with pytest.raises(MicroSocketError, match="disconnected"):
            await socket.request("two")
        await socket.send("three", queue=True)
        assert [each.event for each in dropped.calls] == ["one", "two"]
        await server.until(lambda: server.peers)
        assert (await server.last.receive(1))[0]["event"] == "three"


async def test_a_message_that_is_too_old_is_lost(server: Scripted, clock: Clock) -> None:
    server.accept = silent
    dropped = Heard()
    socket = MicroSocket(server.url, queue=QueueLimits(seconds=5))
    socket.on_dropped(dropped)
    async with socket:
        await socket.send("old")
        request = asyncio.create_task(socket.request("old request"))
        await server.until(lambda: server.peers)
        clock.skip(5)
        with pytest.raises(MicroSocketError, match="timeout: It waited"):
            await request
    assert [(each.event, each.reason) for each in dropped.calls] == [("old", "timeout"), ("old request", "timeout")]


async def test_a_message_from_the_queue_that_may_have_arrived_is_told_when_the_connection_is_lost(
    server: Scripted,
) -> None:
    dropped = Heard()
    socket = MicroSocket(server.url)
    socket.on_dropped(dropped)
    async with socket:
        await socket.send("perhaps", 1)
        await server.until(lambda: server.peers)
        await server.last.receive(1)
        server.last.close(1006)
        await reaches(socket, "waiting")
    assert dropped.calls == [Dropped("perhaps", 1, "disconnected", sent=True)]


async def test_close_in_every_state_ends_it_tells_so_once_and_open_starts_again(server: Scripted, clock: Clock) -> None:
    socket = MicroSocket(server.url)
    states: list[str] = []
    closed = Heard()
    socket.on_state(lambda change: states.append(change.state))
    socket.on_close(closed)
    await socket.close()
    socket.open()
    await socket.close()
    assert server.peers == []
    socket.open()
    await socket.ready()
    await asyncio.gather(socket.close(4000, "bye"), socket.close())
    await server.last.until(lambda: server.last.code is not None)
    assert server.last.code == 4000
    clock.skip(1)
    socket.open()
    await socket.ready()
    server.last.close(1012)
    await reaches(socket, "waiting")
    await socket.close()
    assert [end.code for end in closed.calls] == [1000, 4000, 1000]
    assert states == [
        *["connecting", "closing", "closed"],
        *["connecting", "open", "closing", "closed"],
        *["connecting", "open", "waiting", "closing", "closed"],
    ]
    with pytest.raises(MicroSocketError, match="disconnected"):
        await socket.ready()


async def test_close_takes_only_codes_and_reasons_that_a_close_frame_can_carry(server: Scripted) -> None:
    async with MicroSocket(server.url) as socket:
        await socket.ready()
        for code, reason in ((1006, ""), (999, ""), (5000, ""), (1000, "x" * 124)):
            with pytest.raises(UsageError):
                await socket.close(code, reason)
        assert socket.state == "open"


async def test_a_server_that_does_not_answer_the_close_is_given_up_after_3_s(clock: Clock) -> None:
    async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        writer.write(upgrade(head) + text_frame(b'{"event":"$hello","payload":{"limits":{}}}'))
        await reader.read()
        writer.close()

    async with await asyncio.start_server(deaf, "127.0.0.1", 0) as listening:
        socket = MicroSocket(url_of(listening))
        async with socket:
            await socket.ready()
            closing = asyncio.create_task(socket.close())
            await reaches(socket, "closing")
            clock.skip(3)
            await closing
            assert socket.state == "closed"


async def test_a_server_that_says_no_hello_is_given_up_after_10_s(server: Scripted, clock: Clock) -> None:
    server.accept = silent
    async with MicroSocket(server.url) as socket:
        failed = Heard()
        socket.on_state(failed)
        await server.until(lambda: server.peers)
        clock.skip(9.5)
        await turns()
        assert socket.state == "connecting"
        clock.skip(0.5)
        change = await failed.next()
        assert (change.state, change.end.code) == ("waiting", 1006)
        assert isinstance(change.end.cause, TimeoutError)


async def test_a_server_that_does_not_even_answer_the_handshake_is_given_up_after_10_s(clock: Clock) -> None:
    reached = asyncio.Event()

    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.set()
        await reader.read()
        writer.close()

    async with await asyncio.start_server(mute, "127.0.0.1", 0) as listening, MicroSocket(url_of(listening)) as socket:
        await reached.wait()
        clock.skip(10)
        await reaches(socket, "waiting")


async def test_an_auth_that_fails_is_told_and_asked_again(server: Scripted, clock: Clock) -> None:
    asked = 0

    async def token() -> None:
        nonlocal asked
        asked += 1
        if asked == 1:
            raise LookupError("secret")

    socket = MicroSocket(server.url, auth=token)
    told = Heard()
    socket.on_error(told)
    clock.skip_delays(socket)
    async with socket:
        await socket.ready()
        error, _ = await told.next()
        assert (error.code, error.message, asked) == ("unavailable", "`auth` failed: LookupError", 2)
        assert isinstance(error.__cause__, LookupError)


async def test_a_socket_that_is_closed_while_it_asks_for_auth_does_not_connect(server: Scripted) -> None:
    asked, cancelled = asyncio.Event(), asyncio.Event()

    async def token() -> None:
        asked.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    async with MicroSocket(server.url, auth=token):
        await asked.wait()
    assert cancelled.is_set()
    assert server.peers == []


async def test_auth_goes_with_the_subprotocols_and_headers_go_as_they_are(server: Scripted) -> None:
    async with MicroSocket(
        server.url, auth={"token": "abc"}, subprotocols=["chat.v2"], headers={"X-Tenant": "acme"}
    ) as socket:
        await socket.ready()
        assert server.last.offered == ["microsockets.v1", "chat.v2", "microsockets.auth.eyJ0b2tlbiI6ImFiYyJ9"]
        assert server.last.headers["X-Tenant"] == "acme"
        assert "Sec-WebSocket-Extensions" not in server.last.headers


async def test_auth_follows_no_redirect(server: Scripted, clock: Clock) -> None:
    async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: " + server.url.encode() + b"\r\n\r\n")
        writer.close()

    async with (
        await asyncio.start_server(redirect, "127.0.0.1", 0) as listening,
        MicroSocket(url_of(listening), auth="secret") as socket,
    ):
        change = await reaches(socket, "waiting")
        assert isinstance(change, StateChange)
        assert change.end is not None
        assert (change.end.code, change.end.reason) == (1006, "HTTP 302")
    assert server.peers == []


async def test_a_server_without_the_subprotocol_is_told_from_one_with_it() -> None:
    async with Scripted().run(v1=False) as plain, MicroSocket(plain.url) as socket:
        told = Heard()
        socket.on_error(told)
        error, _ = await told.next()
        assert error.code == "unavailable"
        assert "plain=True" in error.message
        assert socket.state in ("connecting", "waiting")


async def test_a_plain_connection_gets_no_control_frames_and_its_queue_at_once() -> None:
    plain = Scripted()
    plain.accept = silent
    async with plain.run(v1=False):
        socket = MicroSocket(plain.url, plain=True)
        async with socket:
            for n in range(20):
                await socket.send("queued", n)
            await socket.send("nothing")
            await plain.until(lambda: plain.peers)
            frames = await plain.last.receive(21)
            assert frames[:20] == [{"event": "queued", "payload": n} for n in range(20)]
            # 1.0 sends "" for no payload.
            assert frames[20] == {"event": "nothing", "payload": ""}
            with pytest.raises(MicroSocketError, match="timeout"):
                await socket.request("slow", timeout=0.01)
            await socket.send("after")
            assert [frame["event"] for frame in (await plain.last.receive(23))[21:]] == ["slow", "after"]
            assert plain.last.offered == [""]


async def test_a_dead_connection_is_noticed_after_15_s_of_silence_and_10_s_without_an_answer(
    server: Scripted, clock: Clock
) -> None:
    async with MicroSocket(server.url) as socket:
        await socket.ready()
        clock.skip(15)
        first = server.last
        (ping,) = await first.receive(1)
        assert ping == {"event": "$ping", "id": 2**53 - 1}
        await first.answer(ping["id"])
        told = Heard()
        socket.on("told", told)
        await first.send({"event": "told"})
        await told.next()
        clock.skip(15)
        await first.receive(2)
        clock.skip(10)
        await reaches(socket, "waiting")


async def test_a_program_that_was_blocked_asks_again_before_it_gives_up(server: Scripted, clock: Clock) -> None:
    async with MicroSocket(server.url) as socket:
        await socket.ready()
        clock.skip(15)
        peer = server.last
        await peer.receive(1)
        clock.skip(60)
        pings = await peer.receive(2)
        await peer.answer(pings[1]["id"])
        assert socket.state == "open"


async def test_an_old_connections_answer_is_not_sent_on_the_next(server: Scripted, clock: Clock) -> None:
    asked, answer = asyncio.Event(), asyncio.Event()

    async def confirm(payload: Any) -> str:
        asked.set()
        await answer.wait()
        return "late"

    async with MicroSocket(server.url) as socket:
        socket.handle("confirm", confirm)
        await socket.ready()
        await server.last.send({"event": "confirm", "id": 3})
        await asked.wait()
        clock.skip_delays(socket)
        server.last.close(1012)
        await server.until(lambda: len(server.peers) == 2)
        await reaches(socket, "open")
        answer.set()
        await socket.send("after")
        assert await server.last.receive(1) == [{"event": "after"}]


async def test_who_sends_more_than_the_server_takes_waits(server: Scripted) -> None:
    async with MicroSocket(server.url) as socket:
        await socket.ready()
        server.last.pause()
        sending = await fill(socket)
        server.last.resume()
        await sending


async def test_who_waits_for_the_server_to_read_does_not_wait_for_a_lost_connection(server: Scripted) -> None:
    async with MicroSocket(server.url) as socket:
        await socket.ready()
        server.last.pause()
        sending = await fill(socket)
        server.last.close(1006)
        await sending
        assert await reaches(socket, "waiting") is None


async def fill(socket: MicroSocket) -> asyncio.Task[None]:
    """Sends until it has to wait; what waits."""
    for _ in range(1000):
        sending = asyncio.create_task(socket.send("much", "x" * 100_000))
        await turns()
        if not sending.done():
            return sending
    raise AssertionError("100 MB were sent to a server that reads nothing")


async def turns(count: int = 20) -> None:
    """Lets everything run that can."""
    for _ in range(count):
        await asyncio.sleep(0)


def url_of(listening: asyncio.Server) -> str:
    return f"ws://127.0.0.1:{listening.sockets[0].getsockname()[1]}/"


def upgrade(head: bytes) -> bytes:
    """The answer to the opening handshake."""
    found = re.search(rb"Sec-WebSocket-Key: (\S+)", head)
    assert found is not None
    accept = base64.b64encode(hashlib.sha1(found[1] + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Protocol: microsockets.v1\r\nSec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )


def text_frame(data: bytes) -> bytes:
    return bytes([0x81, len(data)]) + data
