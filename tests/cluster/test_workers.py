"""`microsockets run --workers`, with a broker from the environment."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from microsockets.client import MicroSocket

from tests.brokers.backend import until
from tests.brokers.redis_server import RedisBackend
from tests.cluster.workers import TARGET, Person
from tests.server.running import serving

pytestmark = [pytest.mark.brokers, pytest.mark.e2e]

PEOPLE = 30


async def test_the_workers_of_one_server_are_one_application(tmp_path: Path) -> None:
    backend = RedisBackend()
    await backend.start()
    try:
        context = serving(tmp_path, TARGET, "--workers", "2", MICROSOCKETS_BROKER=backend.url)
        server = await asyncio.to_thread(context.__enter__)
        try:
            await talk(server.port)
        finally:
            await asyncio.to_thread(context.__exit__, None, None, None)
    finally:
        await backend.stop()


async def talk(port: int) -> None:
    async with AsyncExitStack() as stack:
        people: list[Person] = []
        nodes: set[str] = set()
        # The kernel hands connections out, so that both have some in the end.
        while len(nodes) < 2:
            assert len(people) < PEOPLE
            user = f"u{len(people)}"
            socket = MicroSocket(f"ws://127.0.0.1:{port}/chat?user={user}", reconnect=False)
            person = Person(await stack.enter_async_context(socket), user)
            await person.socket.request("enter", {"room": "lobby", "state": {"name": user}})
            nodes.add((await person.socket.request("id", answer=str)).partition("~")[0])
            people.append(person)
        for person in people:
            await person.say(f"from {person.user}")
        everything = {f"from {person.user}" for person in people}
        await until(lambda: all(set(person.said) == everything for person in people))
        await until(lambda: all(person.present == {each.user for each in people} for person in people))
        assert await people[0].socket.request("count", {"room": "lobby"}, answer=int) == len(people)
