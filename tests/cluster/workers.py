"""Processes of one application on a real broker, and clients that note what comes to them."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from microsockets.client import MicroSocket

from tests.brokers.backend import Backend, until
from tests.server.running import Running, serving

TARGET = "tests.cluster.served:app"


class Person:
    """A client in the lobby, and what came to it."""

    def __init__(self, socket: MicroSocket, user: str) -> None:
        self.socket = socket
        self.user = user
        self.said: list[str] = []
        self.present: set[str] = set()
        self.presence: list[tuple[str, str]] = []
        """Who came and who left, in order; a contradiction to what was known fails the test at once."""
        self.faults: list[str] = []
        socket.on("said", lambda payload: self.said.append(payload["text"]))
        socket.on("presence", self._here)
        socket.on("presence_difference", self._differs)

    def _here(self, payload: Any) -> None:
        self.present = {each["id"] for each in payload["members"]}

    def _differs(self, payload: Any) -> None:
        for each in payload["joined"]:
            if each["id"] in self.present:
                self.faults.append(f"{each['id']} came twice")
            self.present.add(each["id"])
            self.presence.append(("joined", each["id"]))
        for id in payload["left"]:
            if id not in self.present:
                self.faults.append(f"{id} left and was not there")
            self.present.discard(id)
            self.presence.append(("left", id))

    async def say(self, text: str, room: str = "lobby") -> bool:
        """Whether it went to other processes, too."""
        return bool(await self.socket.request("say", {"room": room, "text": text}, answer=bool))

    async def probe(self) -> dict[str, Any]:
        """What its process says of itself."""
        found: dict[str, Any] = await self.socket.request("probe", answer=dict[str, Any])
        return found


class Workers:
    """Some processes, each on a port of its own."""

    def __init__(self, processes: list[Running]) -> None:
        self.processes = processes
        self._stack = AsyncExitStack()
        self._users = 0

    async def person(self, worker: int) -> Person:
        """Connects a client to one of them, which enters the lobby."""
        self._users += 1
        user = f"u{self._users}"
        url = f"ws://127.0.0.1:{self.processes[worker].port}/chat?user={user}"
        person = Person(await self._stack.enter_async_context(MicroSocket(url, reconnect=False)), user)
        await person.socket.request("enter", {"room": "lobby", "state": {"name": user}})
        return person

    def kill(self, worker: int) -> None:
        """Without a word."""
        os.kill(self.processes[worker].process.pid, signal.SIGKILL)

    async def close(self) -> None:
        await self._stack.aclose()


@asynccontextmanager
async def workers(backend: Backend, folder: Path, count: int) -> AsyncGenerator[Workers]:
    """Starts the broker and the processes."""
    with_processes = ExitStack()
    await backend.start()
    try:
        processes: list[Running] = []
        for number in range(count):
            own = folder / str(number)
            own.mkdir()
            context = serving(own, TARGET, MICROSOCKETS_BROKER=backend.url)
            processes.append(await asyncio.to_thread(with_processes.enter_context, context))
        running = Workers(processes)
        try:
            yield running
        finally:
            await running.close()
    finally:
        await asyncio.to_thread(with_processes.close)
        await backend.stop()


async def everybody_knows(people: list[Person], seconds: float = 20.0) -> float:
    """Waits until each of them sees exactly these, and returns how long it took."""
    users = {person.user for person in people}
    return await until(lambda: all(person.present == users for person in people), seconds)


async def steady(person: Person, expected: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Asks a process about itself until it is as expected."""
    async with asyncio.timeout(20):
        while True:
            found = await person.probe()
            if expected(found):
                return found
            await asyncio.sleep(0.1)
