"""Clients that stop reading, fall silent, flood or vanish: each costs little, is noticed in time, and the others do not
feel it."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from signal import SIGTERM

import pytest

from tests.server.running import HALL, IMPATIENT, Begun, Client, begin, client, running, serving, wires
from tests.server.serving import LOOPS
from tests.server.wire import PING, PONG, TEXT, Wire, close_frame, frame

pytestmark = pytest.mark.e2e

PLAIN = "tests.server.served.plain"
OURS = ("--ws", "microsockets.server:WebSocketProtocol", "--port", "0", "--loop")

SEND_BUFFER = 256 * 1024
"""What Linux makes of an SO_SNDBUF of 128 KiB: it doubles it, for its own notes."""


@pytest.fixture(params=LOOPS)
def loop(request: pytest.FixtureRequest) -> str:
    chosen: str = request.param
    return chosen


@pytest.fixture(scope="module", autouse=True)
def begun(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Begun]:
    """Those that take long begin before the first test."""
    with begin(LONG, tmp_path_factory.mktemp) as begun:
        yield begun


def said(n: int) -> str:
    """The n-th message of 4 KB."""
    return f"{n:06}".ljust(4096, "x")


def say(talker: Client, others: list[Client], numbers: range) -> float:
    """Says so many messages, each when everybody has got the one before; returns the longest time that one took."""
    longest = 0.0
    for n in numbers:
        began = time.monotonic()
        id = talker.ask("say", said(n))
        assert talker.event("said") == said(n)
        assert talker.receive() == {"ack": id, "payload": None}
        for other in others:
            assert other.event("said") == said(n)
        longest = max(longest, time.monotonic() - began)
    return longest


def read_said(wire: Wire) -> int:
    """The number of the next message."""
    got = json.loads(wire.message())
    assert got["event"] == "said"
    return int(got["payload"][:6])


def until_over(wire: Wire) -> None:
    """Reads until the server has hung up or reset the connection."""
    wire.rest()


# Readers that stall


def test_a_stalled_reader_is_dropped_in_time_and_the_others_get_everything_soon(tmp_path: Path, loop: str) -> None:
    with (
        serving(tmp_path, IMPATIENT, "--loop", loop) as server,
        wires(server, 1) as (stalled,),
        client(server.port) as talker,
        client(server.port) as v1,
        client(server.port, v1=False) as plain,
    ):
        # Fewer than would overflow its outbox by their size: it is their age that counts.
        assert say(talker, [v1, plain], range(160)) < 2
        server.until_recorded("disconnect 4413", seconds=8)
        until_over(stalled)
        assert say(talker, [v1, plain], range(160, 200)) < 2
        assert server.recorded() == ["startup", "disconnect 4413"]


def test_who_reads_again_in_time_has_lost_nothing(tmp_path: Path, loop: str) -> None:
    with (
        serving(tmp_path, HALL, "--loop", loop) as server,
        wires(server, 1) as (slow,),
        client(server.port) as talker,
    ):
        say(talker, [], range(160))
        assert max(server.send_queues()) > 10_000
        assert [read_said(slow) for _ in range(160)] == list(range(160))
        say(talker, [], range(160, 161))
        assert read_said(slow) == 160
        assert server.recorded() == ["startup"]


def test_a_hundred_stalled_readers_cost_little_memory_of_the_server_and_of_the_kernel(
    tmp_path: Path, loop: str
) -> None:
    with (
        serving(tmp_path, HALL, "--loop", loop) as server,
        wires(server, 100),
        client(server.port) as talker,
    ):
        say(talker, [], range(2))
        before = server.memory()
        for start in range(2, 602, 100):
            assert say(talker, [], range(start, start + 100)) < 3
            queues = server.send_queues()
            assert max(queues) < SEND_BUFFER, sorted(queues)
        server.until_recorded("disconnect 4413", 100)
        assert server.memory("VmHWM") - before < 60 * 1024
        assert say(talker, [], range(602, 610)) < 2


# Clients that vanish


def test_a_client_that_vanishes_is_reported_as_1006(tmp_path: Path, loop: str) -> None:
    with serving(tmp_path, HALL, "--loop", loop) as server, wires(server, 4) as vanishing:
        for wire in vanishing[:2]:
            wire.send(frame(TEXT, '{"event": "work", "id": 1}'))
        server.until_recorded("work", 2)
        for wire, leave in zip(vanishing, [Wire.reset, Wire.end] * 2, strict=True):
            leave(wire)
        server.until_recorded("disconnect 1006", 2)
        # A handler that runs is not cut off.
        server.open_gate()
        server.until_recorded("disconnect 1006", 4)
        server.signal(SIGTERM)
        assert server.ended() == -SIGTERM
        assert server.recorded() == ["startup", *["work"] * 2, *["disconnect 1006"] * 4, "shutdown"]


# Clients that flood


def until_answered(wire: Wire, id: int) -> int:
    """Reads pongs until the answer to a request; returns how many."""
    pongs = 0
    while (got := wire.frame()).opcode == PONG:
        pongs += 1
    assert json.loads(got.payload) == {"ack": id, "payload": "hello"}
    return pongs


def test_pings_whose_pongs_nobody_reads_cost_no_memory(tmp_path: Path, loop: str) -> None:
    pings = frame(PING, b"x" * 125) * 8000
    with serving(tmp_path, HALL, "--loop", loop) as server, wires(server, 1) as (wire,), client(server.port) as other:
        wire.send(frame(PING, b"first"))
        assert wire.frame().payload == b"first"
        before = server.memory()
        for _ in range(16):
            wire.send(pings)
        assert other.request("echo", "hello") == "hello"
        wire.send(frame(TEXT, '{"event": "echo", "payload": "hello", "id": 7}'))
        # Not all of them are answered: what the client does not read is not written without end.
        assert 0 < until_answered(wire, 7) < 16 * 8000
        assert server.memory("VmHWM") - before < 20 * 1024
        wire.send(frame(PING, b"last"))
        assert wire.frame().payload == b"last"


def test_an_application_that_never_receives_costs_no_memory_and_loses_nothing(tmp_path: Path, loop: str) -> None:
    messages = 32 * 1024
    flood = frame(TEXT, "x" * 1024) * messages
    with running(tmp_path, "-m", "uvicorn", f"{PLAIN}:deaf", *OURS, loop) as server:
        server.until_serving()
        with wires(server, 1, path="/deaf") as (wire,):
            before = server.memory()
            taken = wire.pour(flood, patience=1.0)
            assert taken < len(flood)
            assert server.memory("VmHWM") - before < 20 * 1024
            server.open_gate()
            wire.send(flood[taken:], close_frame(1000))
            assert wire.closed() == (1000, "")
            server.until_recorded(f"received {messages}")
            assert server.memory("VmHWM") - before < 20 * 1024


# What takes long


def stop_reading_for_good(loop: str, folder: Path) -> None:
    with running(folder, "-m", "uvicorn", f"{PLAIN}:pour", *OURS, loop) as server:
        server.until_serving()
        with wires(server, 1, path="/stalled") as (stalled,), wires(server, 1, path="/slow") as (slow,):
            began = time.monotonic()
            while "lost /stalled" not in server.recorded():
                # Slowly, but not stalled: 64 KiB every half second.
                slow.take(64 * 1024)
                assert time.monotonic() - began < 40, "a stalled reader stays"
                time.sleep(0.5)
            assert time.monotonic() - began > 15
            until_over(stalled)
            server.until_recorded("disconnect 1006")
            assert server.recorded() == ["lost /stalled", "disconnect 1006"]
            slow.take(64 * 1024)


def ask_and_never_read(loop: str, folder: Path) -> None:
    with serving(folder, HALL, "--loop", loop) as server, client(server.port) as other:
        with wires(server, 1, v1=1) as (wire,):
            # Its answers fill what the server and the kernel hold, and then its outbox.
            for n in range(300):
                wire.send(frame(TEXT, json.dumps({"event": "echo", "payload": "x" * 4096, "id": n})))
            server.until_recorded("disconnect 4413")
            until_over(wire)
        assert other.request("echo", "hello") == "hello"


def keep_handlers_busy(loop: str, folder: Path) -> None:
    options = ("--loop", loop, "--ws-ping-interval", "0.5", "--ws-ping-timeout", "2")
    with (
        serving(folder, HALL, *options) as server,
        client(server.port) as healthy,
        wires(server, 1) as (silent,),
    ):
        asked = healthy.ask("sleep", 8)
        began = time.monotonic()
        assert silent.frame().opcode == PING
        silent.gone()
        assert 1.5 < time.monotonic() - began < 15
        server.until_recorded("disconnect 1006")
        assert healthy.answer(asked)["payload"] == "awake"
        assert server.recorded() == ["startup", "disconnect 1006"]


def hear_nobody_for_a_while(loop: str, folder: Path) -> None:
    messages = 16 * 1024
    flood = frame(TEXT, "x" * 1024) * messages
    options = (*OURS, loop, "--ws-ping-interval", "0.5", "--ws-ping-timeout", "1")
    with running(folder, "-m", "uvicorn", f"{PLAIN}:deaf", *options) as server:
        server.until_serving()
        with wires(server, 1, path="/deaf") as (wire,):
            taken = wire.pour(flood, patience=0.5)
            assert taken < len(flood)
            # What the client says is not read any more, its pongs neither: for longer than it has to answer a ping.
            wire.frames_for(5.0)
            server.open_gate()
            wire.send(flood[taken:], close_frame(1000))
            server.until_recorded(f"received {messages}")


def connect_and_ask_nothing(loop: str, folder: Path) -> None:
    with (
        serving(folder, HALL, "--loop", loop) as server,
        contextlib.closing(Wire(server.address)) as silent,
        contextlib.closing(Wire(server.address)) as half,
        contextlib.closing(Wire(server.address)) as dripping,
        client(server.port) as other,
    ):
        began = time.monotonic()
        half.send(b"GET /hall HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n")
        dripping.send(b"GET /hall HTTP/1.1\r\nHost: localhost\r\nX-Long: ")
        with contextlib.suppress(ConnectionError):
            while time.monotonic() - began < 25:
                dripping.send(b"x")
                time.sleep(0.25)
        assert 8 < time.monotonic() - began < 20
        silent.gone()
        half.gone()
        assert time.monotonic() - began < 20
        assert other.request("echo", "hello") == "hello"
        assert server.recorded() == ["startup"]


LONG = [
    stop_reading_for_good,
    ask_and_never_read,
    keep_handlers_busy,
    hear_nobody_for_a_while,
    connect_and_ask_nothing,
]


def test_a_send_that_waits_for_a_stalled_reader_ends_after_20_seconds(begun: Begun, loop: str) -> None:
    begun(stop_reading_for_good, loop)


def test_who_asks_and_never_reads_the_answers_is_dropped(begun: Begun, loop: str) -> None:
    begun(ask_and_never_read, loop)


def test_a_slow_handler_keeps_a_healthy_client_and_who_answers_no_pings_is_dropped(begun: Begun, loop: str) -> None:
    begun(keep_handlers_busy, loop)


def test_who_is_not_read_is_not_dropped_for_silence(begun: Begun, loop: str) -> None:
    begun(hear_nobody_for_a_while, loop)


def test_a_request_must_be_complete_within_10_seconds(begun: Begun, loop: str) -> None:
    begun(connect_and_ask_nothing, loop)
