"""How a server stops: after SIGTERM it tells its clients first, after SIGINT it closes at once, and neither takes what
was asked for away."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import shutil
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from signal import SIGINT, SIGTERM

import pytest

from tests.server.running import HALL, ROOT, RUN, Begun, Client, Running, begin, client, running, serving, wires
from tests.server.serving import LOOPS
from tests.server.wire import Wire

pytestmark = pytest.mark.e2e

RESTART = (1012, "restart")
FOREVER = "60"
"""Seconds of draining that no test waits for."""


@pytest.fixture(params=LOOPS)
def loop(request: pytest.FixtureRequest) -> str:
    chosen: str = request.param
    return chosen


@pytest.fixture(scope="module", autouse=True)
def begun(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Begun]:
    """Those that take long begin before the first test."""
    with begin(LONG, tmp_path_factory.mktemp) as begun:
        yield begun


def after_ms(peer: Client) -> int:
    """What the next frame, a `$drain`, says."""
    payload = peer.event("$drain")
    assert list(payload) == ["after_ms"], payload
    told = payload["after_ms"]
    assert isinstance(told, int), payload
    return told


def refuses(server: Running) -> bool:
    """Whether a new connection is not accepted."""
    with socket.socket() as probe:
        return probe.connect_ex(server.address) == errno.ECONNREFUSED


def until_unavailable(peer: Client) -> list[int]:
    """Sends requests until one is refused since the server goes; returns the ids of those before."""
    taken: list[int] = []
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        id = peer.ask("echo", "x")
        # Behind work that goes on nothing is answered, unless it is refused.
        with contextlib.suppress(TimeoutError):
            answer = peer.receive(0.05)
            while answer.get("ack") != id:
                answer = peer.receive(0.05)
            assert answer["error"]["code"] == "unavailable", answer
            return taken
        taken.append(id)
    raise AssertionError(f"no event was refused: {peer.frames}")


def test_v1_peers_are_told_to_leave_at_different_times_and_when_all_have_left_the_server_ends(
    tmp_path: Path, loop: str
) -> None:
    with (
        serving(tmp_path, HALL, "--loop", loop, "--drain-seconds", FOREVER) as server,
        contextlib.ExitStack() as stack,
    ):
        peers = [stack.enter_context(client(server.port)) for _ in range(20)]
        server.signal(SIGTERM)
        told = [after_ms(peer) for peer in peers]
        assert len(set(told)) >= 18, told
        assert min(told) < 24_000 < max(told), told
        assert all(0 <= each <= 48_000 for each in told), told
        server.until(lambda: refuses(server), "no new connection is accepted")
        for peer in peers:
            assert peer.request("echo", "still here") == "still here"
        for peer in peers:
            peer.close()
        assert server.ended() == -SIGTERM
        assert server.recorded() == ["startup", *["disconnect 1000"] * 20, "shutdown"]


def test_who_has_not_left_in_time_is_closed_with_1012(tmp_path: Path, loop: str) -> None:
    with serving(tmp_path, HALL, "--loop", loop, "--drain-seconds", "0.5") as server, client(server.port) as peer:
        server.signal(SIGTERM)
        assert 0 <= after_ms(peer) <= 400
        assert peer.closed() == RESTART
        assert server.ended() == -SIGTERM
        assert server.recorded() == ["startup", "disconnect 1012", "shutdown"]


def test_plain_peers_are_told_nothing_and_closed_with_1012(tmp_path: Path, loop: str) -> None:
    with (
        serving(tmp_path, HALL, "--loop", loop, "--drain-seconds", FOREVER) as server,
        client(server.port, v1=False) as peer,
    ):
        assert peer.request("echo", "hello") == "hello"
        peer.frames.clear()
        server.signal(SIGTERM)
        assert peer.closed() == RESTART
        assert peer.frames == []
        assert server.ended() == -SIGTERM
        assert server.recorded() == ["startup", "disconnect 1012", "shutdown"]


@pytest.mark.parametrize("v1", [True, False], ids=["v1", "plain"])
def test_a_handler_in_flight_answers_before_the_close_and_later_events_are_unavailable(
    tmp_path: Path, loop: str, v1: bool
) -> None:
    with (
        serving(tmp_path, HALL, "--loop", loop, "--drain-seconds", "0.3") as server,
        client(server.port, v1=v1) as peer,
    ):
        work = peer.ask("work")
        server.until_recorded("work")
        server.signal(SIGTERM)
        taken = until_unavailable(peer)
        assert server.process.poll() is None
        peer.frames.clear()
        server.open_gate()
        assert peer.closed() == RESTART
        assert peer.frames == [{"ack": id, "payload": "done" if id == work else "x"} for id in [work, *taken]]
        assert server.ended() == -SIGTERM
        assert server.recorded() == ["startup", "work", "disconnect 1012", "shutdown"]


def test_a_handler_that_hangs_is_ended_with_the_grace_period(tmp_path: Path, loop: str) -> None:
    options = ("--loop", loop, "--drain-seconds", "0", "--timeout-graceful-shutdown", "1")
    with serving(tmp_path, HALL, *options) as server, client(server.port) as peer:
        peer.ask("work")
        server.until_recorded("work")
        server.signal(SIGTERM)
        started = time.monotonic()
        assert server.ended() == -SIGTERM
        assert time.monotonic() - started < 10
        assert server.recorded()[-1] == "shutdown"


def test_streams_do_not_hold_it_up(tmp_path: Path, loop: str) -> None:
    with serving(tmp_path, HALL, "--loop", loop, "--drain-seconds", "0.2") as server, client(server.port) as peer:
        peer.ask("count")
        assert "item" in peer.receive()
        server.signal(SIGTERM)
        started = time.monotonic()
        assert peer.closed() == RESTART
        assert server.ended() == -SIGTERM
        assert time.monotonic() - started < 10
        assert server.recorded() == ["startup", "disconnect 1012", "shutdown"]


def test_sigint_closes_at_once_and_tells_nobody(tmp_path: Path, loop: str) -> None:
    with (
        serving(tmp_path, HALL, "--loop", loop, "--drain-seconds", FOREVER) as server,
        client(server.port) as idle,
        client(server.port) as busy,
    ):
        work = busy.ask("work")
        server.until_recorded("work")
        server.signal(SIGINT)
        assert idle.closed() == RESTART
        assert idle.frames == []
        assert server.process.poll() is None
        server.open_gate()
        assert busy.closed() == RESTART
        assert busy.frames == [{"ack": work, "payload": "done"}]
        assert server.ended() == 0
        assert server.recorded() == ["startup", "work", *["disconnect 1012"] * 2, "shutdown"]


@pytest.mark.parametrize(
    ("loop", "first", "second"),
    [
        (LOOPS[0], SIGTERM, SIGTERM),
        (LOOPS[-1], SIGTERM, SIGINT),
        (LOOPS[-1], SIGINT, SIGINT),
        (LOOPS[0], SIGINT, SIGTERM),
    ],
)
def test_a_second_signal_ends_it_although_a_handler_hangs(
    tmp_path: Path, loop: str, first: signal.Signals, second: signal.Signals
) -> None:
    options = ("--loop", loop, "--drain-seconds", "0.2", "--timeout-graceful-shutdown", FOREVER)
    with serving(tmp_path, HALL, *options) as server, client(server.port) as idle, client(server.port) as busy:
        busy.ask("work")
        server.until_recorded("work")
        server.signal(first)
        assert idle.closed() == RESTART
        server.signal(second)
        started = time.monotonic()
        server.ended()
        assert time.monotonic() - started < 5


def test_a_second_signal_ends_the_draining(tmp_path: Path, loop: str) -> None:
    with serving(tmp_path, HALL, "--loop", loop, "--drain-seconds", FOREVER) as server, client(server.port) as peer:
        server.signal(SIGTERM)
        after_ms(peer)
        server.signal(SIGTERM)
        assert server.ended(10) == -SIGTERM


def test_a_reload_does_not_wait_for_clients_to_leave(tmp_path: Path, loop: str) -> None:
    (tmp_path / "code").mkdir()
    module = tmp_path / "code" / "reloaded.py"
    shutil.copy(ROOT / "tests/server/served/hall.py", module)
    options = ("--app-dir", str(module.parent), "--reload", "--reload-dir", str(module.parent), "--loop", loop)
    with serving(tmp_path, "reloaded:app", *options, "--drain-seconds", FOREVER) as server:
        with client(server.port) as peer:
            before = peer.request("pid")
            later = itertools.count(time.time() + 10)

            def touched() -> bool:
                # The first look of who watches may be later than a touch.
                changed = next(later)
                os.utime(module, (changed, changed))
                return "Reloading" in server.log

            server.until(touched, "the change is noticed")
            assert peer.closed() == RESTART
            assert [each for each in peer.frames if "event" in each] == []
        server.until_serving(workers=2)
        with client(server.port) as peer:
            assert peer.request("pid") != before
        assert server.recorded()[:4] == ["startup", "disconnect 1012", "shutdown", "startup"]
        server.interrupt_group()
        assert server.ended() == 0


def everywhere(stack: contextlib.ExitStack, server: Running) -> dict[int, Client]:
    """One client for each of two worker processes."""
    found: dict[int, Client] = {}
    deadline = time.monotonic() + 10
    while len(found) < 2:
        assert time.monotonic() < deadline, f"one of two workers takes all connections: {found}"
        peer = stack.enter_context(client(server.port))
        pid = peer.request("pid")
        peer.frames.clear()
        if pid in found:
            peer.close()
        else:
            found[pid] = peer
    return found


def gone(pid: int) -> bool:
    """Whether there is no such process any more."""
    return not Path(f"/proc/{pid}").exists()


def test_sigterm_for_the_parent_drains_all_workers(tmp_path: Path, loop: str) -> None:
    options = ("--loop", loop, "--workers", "2", "--drain-seconds", FOREVER)
    with serving(tmp_path, HALL, *options) as server, contextlib.ExitStack() as stack:
        peers = everywhere(stack, server)
        server.signal(SIGTERM)
        for peer in peers.values():
            assert 0 <= after_ms(peer) <= 48_000
            assert peer.request("echo", "still here") == "still here"
        for peer in peers.values():
            peer.close()
        assert server.ended() == 0
        assert all(gone(pid) for pid in peers)
        assert server.recorded().count("shutdown") == 2
        assert "disconnect 1012" not in server.recorded()


def test_ctrl_c_ends_workers_in_order(tmp_path: Path, loop: str) -> None:
    options = ("--loop", loop, "--workers", "2", "--drain-seconds", FOREVER)
    with serving(tmp_path, HALL, *options) as server, contextlib.ExitStack() as stack:
        peers = everywhere(stack, server)
        asked = {peer: peer.ask("work") for peer in peers.values()}
        server.until_recorded("work", 2)
        server.interrupt_group()
        # The parent also tells its workers, who were told already: that must not count as a second signal.
        server.until(lambda: server.log.count("Terminated child process") == 2, "the parent has told both")
        for peer in asked:
            until_unavailable(peer)
            peer.frames.clear()
        server.open_gate()
        for peer, id in asked.items():
            assert peer.closed() == RESTART
            assert {"ack": id, "payload": "done"} in peer.frames
            assert all("event" not in each for each in peer.frames)
        assert server.ended() == 0
        assert all(gone(pid) for pid in peers)
        assert server.recorded().count("shutdown") == 2
        assert server.recorded().count("disconnect 1012") == 2


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("number", [SIGTERM, SIGINT])
def test_exit_codes_are_those_of_uvicorn(tmp_path: Path, number: signal.Signals, workers: str) -> None:
    options = (HALL, "--port", "0", "--workers", workers)
    for name in ("ours", "theirs"):
        (tmp_path / name).mkdir()
    with (
        running(tmp_path / "ours", *RUN, *options) as ours,
        running(tmp_path / "theirs", "-m", "uvicorn", *options) as theirs,
    ):
        codes: list[int] = []
        for server in (ours, theirs):
            server.until_serving(int(workers))
            server.signal(number)
            codes.append(server.ended())
    assert codes[0] == codes[1]


def test_a_connection_that_has_not_asked_for_anything_does_not_hold_it_up(tmp_path: Path, loop: str) -> None:
    with (
        serving(tmp_path, HALL, "--loop", loop) as server,
        contextlib.closing(Wire(server.address)) as silent,
        contextlib.closing(Wire(server.address)) as half,
        client(server.port, v1=False) as peer,
    ):
        half.send(b"GET /hall HTTP/1.1\r\nHost: localhost\r\n")
        # By its answer all three are accepted.
        peer.request("echo", "")
        server.signal(SIGTERM)
        silent.gone()
        half.gone()
        assert server.ended() == -SIGTERM


# What takes long


def stop_with_stalled_readers(loop: str, folder: Path) -> None:
    options = ("--loop", loop, "--drain-seconds", "0.5", "--timeout-graceful-shutdown", "10")
    with (
        serving(folder, HALL, *options) as server,
        wires(server, 100, v1=50) as stalled,
        client(server.port, v1=False) as talker,
    ):
        # More than the kernel and the transport take for a client; what is left waits in its outbox.
        talker.request("repeat", 150)
        queues = sorted(server.send_queues())
        assert len(queues) == len(stalled) + 1
        assert queues[1] > 10_000, queues
        server.signal(SIGTERM)
        started = time.monotonic()
        assert talker.closed() == RESTART
        assert server.ended(30) == -SIGTERM
        assert time.monotonic() - started < 14
        lines = server.recorded()
        assert lines[-1] == "shutdown"
        assert sum(line.startswith("disconnect") for line in lines) == 101


def stop_with_a_silent_client(loop: str, folder: Path) -> None:
    with serving(folder, HALL, "--loop", loop, "--drain-seconds", "0") as server, wires(server, 1) as (wire,):
        server.signal(SIGTERM)
        assert wire.closing().code == 1012
        wire.gone()
        assert server.ended() == -SIGTERM
        assert server.recorded() == ["startup", "disconnect 1012", "shutdown"]


LONG = [stop_with_stalled_readers, stop_with_a_silent_client]


def test_a_client_that_does_not_answer_the_close_is_dropped(begun: Begun, loop: str) -> None:
    begun(stop_with_a_silent_client, loop)


def test_a_hundred_stalled_readers_hold_it_up_no_longer_than_the_grace_period(begun: Begun, loop: str) -> None:
    begun(stop_with_stalled_readers, loop)
