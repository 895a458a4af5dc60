"""A real server and clients that vanish, stall and flood: nothing of them is left, and a witness never notices.

Runs for MICROSOCKETS_SOAK_SECONDS, 600 unless told.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

SECONDS = float(os.environ.get("MICROSOCKETS_SOAK_SECONDS", "600"))
ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 20.0
SETTLE_SECONDS = 90.0
"""A client that was cut off without a word is noticed after the server's ping and its time limit."""
FAULTY = 12
GROWTH_KIB = 32 * 1024


class Held(NamedTuple):
    """What the server's process holds."""

    tasks: int
    members: int
    resident_kib: int


class Server(NamedTuple):
    port: int
    log: Path

    async def held(self) -> Held:
        return await asyncio.to_thread(self._ask)

    def _ask(self) -> Held:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=20) as answer:
            return Held(**json.load(answer))

    @asynccontextmanager
    async def connect(self) -> AsyncGenerator[ClientConnection, None]:
        url = f"ws://127.0.0.1:{self.port}/busy"
        async with connect(url, proxy=None, max_queue=4, close_timeout=1, open_timeout=20) as peer:
            yield peer


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """The busy application under uvicorn as it comes."""
    log = tmp_path / "server.log"
    with socket.socket() as listener, log.open("wb") as output:
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        process = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", "tests.soak.busy:app", "--fd", str(listener.fileno())],
            cwd=ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=[listener.fileno()],
        )
        try:
            yield Server(listener.getsockname()[1], log)
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def frame(event: str, payload: object = None, **keys: int) -> str:
    return json.dumps({"event": event, "payload": payload, **keys})


async def vanish(peer: ClientConnection) -> None:
    """Leaves work of every kind behind, and the connection without a word."""
    # What hangs comes last but one: events wait for it.
    for id, event in enumerate(("spawn", "count", "hang", "echo")):
        await peer.send(frame(event, id=id))
    await asyncio.sleep(random.random() / 5)
    peer.transport.abort()


async def stall(peer: ClientConnection) -> None:
    """Asks for much and reads nothing of it."""
    peer.transport.pause_reading()
    for id in range(8):
        await peer.send(frame("count", id=id))
    await asyncio.sleep(3 + random.random())
    peer.transport.abort()


async def flood(peer: ClientConnection) -> None:
    """Sends faster than anything is handled; part of it is no JSON."""
    await peer.send(frame("hang"))
    for id in range(2000):
        await peer.send(frame("echo", "x" * 200, id=id))
    for _ in range(50):
        await peer.send("no json")
    await peer.wait_closed()


async def fail(peer: ClientConnection) -> None:
    """Makes handlers fail, then leaves as one should."""
    for _ in range(10):
        await peer.send(frame("fail"))
        await peer.recv()
    await peer.close()


async def chat(peer: ClientConnection) -> None:
    """Talks to everyone."""
    for _ in range(5):
        await peer.send(frame("say", "y" * 4000))
        await asyncio.sleep(0.02)
    await peer.close()


FAULTS: list[Callable[[ClientConnection], Awaitable[None]]] = [vanish, stall, flood, fail, chat]


async def misbehave(server: Server, until: float) -> int:
    """Connects and does harm, again and again; how often."""
    rounds = 0
    while time.monotonic() < until:
        rounds += 1
        # What ends the connection early is what the fault provoked.
        with suppress(WebSocketException, OSError, TimeoutError):
            async with asyncio.timeout(30), server.connect() as peer:
                await random.choice(FAULTS)(peer)
    return rounds


async def witness(server: Server, until: float) -> int:
    """A well-behaved client: each of its requests is answered, and in time."""
    answers = 0
    async with server.connect() as peer:
        while time.monotonic() < until:
            await peer.send(frame("echo", str(answers), id=answers))
            async with asyncio.timeout(15):
                while (got := json.loads(await peer.recv())).get("ack") is None:
                    assert got["event"] == "said", got
            assert got == {"ack": answers, "payload": str(answers)}
            answers += 1
            await asyncio.sleep(0.05)
    return answers


async def misuse(server: Server, seconds: float) -> None:
    until = time.monotonic() + seconds
    async with asyncio.TaskGroup() as group:
        rounds = [group.create_task(misbehave(server, until)) for _ in range(FAULTY)]
        answers = group.create_task(witness(server, until))
    assert all(task.result() for task in rounds)
    assert answers.result()


async def settled(server: Server, tasks: int) -> Held:
    """What is held when the connections are over; at the latest after some time."""
    until = time.monotonic() + SETTLE_SECONDS
    while (held := await server.held()).members or held.tasks > tasks:
        if time.monotonic() > until:
            break
        await asyncio.sleep(0.5)
    return held


async def wait_until_it_answers(server: Server) -> Held:
    # It listens already: a request waits in the backlog until the server takes it.
    async with asyncio.timeout(START_SECONDS):
        return await server.held()


async def test_faults_leave_no_task_no_member_and_no_memory_behind(server: Server) -> None:
    first = await wait_until_it_answers(server)
    await misuse(server, min(SECONDS / 4, 60))
    warm = await settled(server, first.tasks)
    await misuse(server, SECONDS)
    last = await settled(server, first.tasks)
    assert last.members == 0
    assert last.tasks <= first.tasks
    assert last.resident_kib <= warm.resident_kib + GROWTH_KIB, (first, warm, last)
    log = server.log.read_text(errors="replace")
    assert "never retrieved" not in log
    assert "Task was destroyed" not in log
