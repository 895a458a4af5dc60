"""Two processes of one application with Redis between them: deliveries, latency, and what is on the bus."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

from microsockets import Application, Namespace, RedisRoomManager, Socket
from microsockets.rooms import Room
from microsockets.testing import Client

from .contenders import CONTENDERS, Contender, under_uvicorn
from .dialects import MICROSOCKETS
from .load import Plan, find_generator, run
from .machine import prepare
from .messages import SAID
from .peer import Peer
from .rehearsal import rehearse
from .server import Server, free_port

_MEMBERS: Final = 1_000
_ASKED: Final = 1_000
_BROADCASTS: Final = 200
_ROOMS: Final = 100_000
_VISITS: Final = 300
_GOAL: Final = 5.0
_LATENCY_GOAL_US: Final = 1_000.0
_SECONDS: Final = 20.0


class Redis:
    """A private server, and what it says of itself."""

    def __init__(self, port: int) -> None:
        self.port = port

    @property
    def url(self) -> str:
        """Its address."""
        return f"redis://127.0.0.1:{self.port}"

    def connect(self) -> socket.socket:
        """A connection."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=_SECONDS)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def info(self, *names: str) -> list[int]:
        """Some of the figures in INFO."""
        with self.connect() as connection:
            connection.sendall(b"INFO stats\r\nPING\r\n")
            text = b""
            while not text.endswith(b"+PONG\r\n"):
                text += connection.recv(65_536)
        found = dict(line.split(":", 1) for line in text.decode().splitlines() if ":" in line)
        return [int(found[name]) for name in names]


@contextmanager
def redis() -> Generator[Redis, None, None]:
    """Starts one, whose address the servers find in their environment."""
    path = shutil.which("redis-server")
    if path is None:
        raise RuntimeError("this needs redis-server: apt-get install redis-server")
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        command = [path, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)
        server = Redis(port)
        try:
            deadline = time.monotonic() + _SECONDS
            while True:
                try:
                    server.connect().close()
                    break
                except OSError:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(0.02)
            os.environ["MICROSOCKETS_BROKER"] = server.url
            yield server
        finally:
            os.environ.pop("MICROSOCKETS_BROKER", None)
            process.kill()
            process.wait()


@contextmanager
def pair(contender: Contender) -> Generator[tuple[Redis, Server, Server], None, None]:
    """Two processes of an application, and the broker between them."""
    with ExitStack() as stack:
        broker = stack.enter_context(redis())
        one, other = (stack.enter_context(Server(contender.label, contender.command)) for _ in range(2))
        yield broker, one, other


def contenders() -> list[Contender]:
    """Ours, and those who have a layer over Redis, too."""
    known = {contender.name: contender for contender in CONTENDERS}
    channels = Contender(
        "channels",
        "Django Channels",
        MICROSOCKETS,
        under_uvicorn("with_channels"),
        packages=("uvicorn", "channels", "channels_redis"),
    )
    return [known["microsockets"], known["python-socketio"], channels]


@dataclass
class Deliveries:
    """Of one contender in one round."""

    per_second: float
    per_cpu_second: float
    load_share: float


def deliver(contender: Contender, seconds: float) -> Deliveries:
    """One broadcast at a time to 1,000 members, half of them on each process."""
    with pair(contender) as (_, one, other):
        script = rehearse(one, contender, in_flight=1, payload=SAID)
        other.settle()
        before = other.cpu_seconds()
        plan = Plan("fanout", connections=_MEMBERS, seconds=seconds, warm_up=0.3, other_port=other.port)
        figures = run(find_generator(), plan, one, contender.dialect, script)
        # The other's includes what the connections cost, so that this is the least.
        spent = figures.server_cpu_seconds + other.cpu_seconds() - before
        return Deliveries(figures.per_second, figures.operations / spent, figures.load_share)


def compare(rounds: int, seconds: float) -> None:
    """Prints everything."""
    prepare()
    _compare_deliveries(rounds, seconds)
    _compare_latency()
    _count_bus()
    _compare_rooms(rounds)


def _compare_deliveries(rounds: int, seconds: float) -> None:
    present: list[Contender] = []
    for contender in contenders():
        missing = contender.missing()
        if missing is None:
            present.append(contender)
        else:
            print(f"{contender.label}: {missing}")
    found: dict[str, list[Deliveries]] = {contender.name: [] for contender in present}
    for number in range(rounds):
        for place in range(len(present)):
            contender = present[(place + number) % len(present)]
            found[contender.name].append(deliver(contender, seconds))
    ours = found["microsockets"]
    print(f"two processes, {_MEMBERS:,} members, one broker; medians of {rounds} rounds")
    for contender in present:
        theirs = found[contender.name]
        line = f"  {contender.label:<18} {median(each.per_second for each in theirs):>9,.0f} deliveries/s"
        line += f", load {median(each.load_share for each in theirs):.0%} of its core"
        if contender.name != "microsockets":
            pairs = list(zip(ours, theirs, strict=True))
            ratio = median(mine.per_second / other.per_second for mine, other in pairs)
            cpu = median(mine.per_cpu_second / other.per_cpu_second for mine, other in pairs)
            line += (
                f"; ours is {ratio:.1f} times that, {cpu:.1f} by CPU time (goal {_GOAL:g}: {_verdict(ratio >= _GOAL)})"
            )
        print(line)


def _compare_latency() -> None:
    """From a client of one process to a client of the other, beside the broker's own way."""
    with (
        pair(contenders()[0]) as (broker, one, other),
        Peer(one.port, "/") as speaker,
        Peer(other.port, "/") as member,
        Peer(one.port, "/") as neighbour,
        broker.connect() as publisher,
        broker.connect() as subscriber,
    ):
        for peer in (member, neighbour):
            peer.send(MICROSOCKETS.join(1))
            peer.receive()
        subscriber.sendall(b"SSUBSCRIBE probe\r\n")
        subscriber.recv(4_096)
        say = MICROSOCKETS.say(1, SAID)
        ways: dict[str, list[float]] = {"across": [], "within": [], "broker": []}
        for _ in range(_ASKED):
            for name, listener in (("across", member), ("within", neighbour)):
                began = time.perf_counter()
                speaker.send(say)
                listener.receive()
                ways[name].append(time.perf_counter() - began)
                (neighbour if listener is member else member).receive()
                speaker.receive()
            payload = say.encode()
            began = time.perf_counter()
            publisher.sendall(b"*3\r\n$8\r\nSPUBLISH\r\n$5\r\nprobe\r\n$%d\r\n%b\r\n" % (len(payload), payload))
            _read_until(subscriber, payload)
            ways["broker"].append(time.perf_counter() - began)
            publisher.recv(4_096)
    across, within, direct = (median(ways[name]) * 1e6 for name in ("across", "within", "broker"))
    added = across - within - direct
    print("latency, p50")
    print(f"  to a member on the other process {across:,.0f} us, on the same {within:,.0f} us")
    print(f"  by way of the broker alone {direct:,.0f} us")
    verdict = _verdict(added <= _LATENCY_GOAL_US)
    print(f"  added over the broker's own: {added:,.0f} us (goal {_LATENCY_GOAL_US:,.0f}: {verdict})")


def _read_until(connection: socket.socket, end: bytes) -> None:
    data = b""
    while end not in data:
        data += connection.recv(65_536)


def _count_bus() -> None:
    """What broadcasts cost on the bus, for few and for many members."""
    print("on the bus, for each broadcast")
    for members in (10, 100, _MEMBERS):
        with pair(contenders()[0]) as (broker, one, other), ExitStack() as stack:
            peers = [
                stack.enter_context(Peer(server.port, "/")) for _ in range(members // 2) for server in (one, other)
            ]
            for peer in peers:
                peer.send(MICROSOCKETS.join(1))
                peer.receive()
            speaker = stack.enter_context(Peer(one.port, "/"))
            names = ("total_commands_processed", "total_net_input_bytes", "total_net_output_bytes")
            before = broker.info(*names)
            for _ in range(_BROADCASTS):
                speaker.send(MICROSOCKETS.say(1, SAID))
                speaker.receive()
            for peer in peers:
                for _ in range(_BROADCASTS):
                    peer.receive()
            commands, received, sent = (
                (now - then) / _BROADCASTS for now, then in zip(broker.info(*names), before, strict=True)
            )
        print(f"  {members:>5,} members: {commands:.2f} commands, {received:.0f} bytes in, {sent:.0f} bytes out")


class _Resident:
    """Keeps a room in existence; it is told nothing."""

    __slots__ = ()


class _Visits(Namespace, path="/"):
    async def on_visit(self, ws: Socket) -> float:
        """Microseconds of this process's time that joining a room and leaving it takes."""
        began = time.process_time()
        for number in range(_VISITS):
            await ws.join(f"visited {number}")
            await ws.leave(f"visited {number}")
        return (time.process_time() - began) / _VISITS * 1e6


async def _visit(rounds: int) -> tuple[list[float], list[float]]:
    with redis() as empty, redis() as full:
        managers = [RedisRoomManager(each.url) for each in (empty, full)]
        async with (
            Client(Application(_Visits, room_manager=managers[0])) as few,
            Client(Application(_Visits, room_manager=managers[1])) as many,
        ):
            resident: Any = _Resident()
            for start in range(0, _ROOMS, 1_000):
                rooms = [Room("/", f"room {number}") for number in range(start, start + 1_000)]
                await asyncio.gather(*(managers[1].join(room, resident) for room in rooms))
            visitors = [await client.connect("/", timeout=_SECONDS) for client in (few, many)]
            found: tuple[list[float], list[float]] = ([], [])
            for _ in range(rounds):
                for visitor, into in zip(visitors, found, strict=True):
                    answer: Any = await visitor.request("visit")
                    into.append(float(answer))
            return found


def _compare_rooms(rounds: int) -> None:
    few, many = asyncio.run(_visit(rounds))
    ratio = median(full / empty for empty, full in zip(few, many, strict=True))
    print("joining a room and leaving it, in CPU time of the process")
    print(f"  alone {median(few):.0f} us, beside {_ROOMS:,} rooms {median(many):.0f} us: {ratio:.2f} times")


def _verdict(met: bool) -> str:
    return "met" if met else "NOT MET"
