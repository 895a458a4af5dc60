"""What happens to an application's processes when one of them, or the broker, is killed, frozen or cut off.

The works mostly wait, so they run side by side.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from microsockets.client import MicroSocketError

from tests.brokers.backend import Backend, until
from tests.brokers.nats_server import NatsBackend
from tests.brokers.redis_server import RedisBackend
from tests.cluster.workers import Person, everybody_knows, steady, workers

pytestmark = [pytest.mark.brokers, pytest.mark.e2e, pytest.mark.timeout(240)]

BACKENDS: dict[str, type[Backend]] = {"redis": RedisBackend, "nats": NatsBackend}
AT_ONCE = 6
BACK = 2.0
"""Seconds after the return of the broker in which everything works again."""
NOTICED = 6.0
EXACT = 10.0
"""Seconds after which presence is exact, whatever was killed."""

Work = Callable[[Backend, Path], Awaitable[None]]


async def talk(person: Person, lines: list[str], ended: asyncio.Event) -> None:
    """Says numbered lines without a pause, and notes which of them its process took."""
    number = 0
    while not ended.is_set():
        number += 1
        line = f"{person.user} {number}"
        await person.say(line)
        lines.append(line)


def lines_of(person: Person, speaker: Person) -> list[str]:
    return [line for line in person.said if line.startswith(f"{speaker.user} ")]


async def a_process_is_killed(backend: Backend, folder: Path) -> None:
    async with workers(backend, folder, 3) as running:
        people = [await running.person(worker) for worker in (0, 0, 1, 1, 2, 2)]
        await everybody_knows(people)
        survivors, victims = people[:4], people[4:]
        before = await survivors[0].probe()
        ended = asyncio.Event()
        said: dict[str, list[str]] = {person.user: [] for person in people}
        talking = [asyncio.create_task(talk(person, said[person.user], ended)) for person in people]
        await until(lambda: all(len(lines) > 50 for lines in said.values()))
        running.kill(2)
        await until(lambda: all(person.present == {each.user for each in survivors} for person in survivors), EXACT)
        counts = {person.user: len(said[person.user]) for person in survivors}
        await until(lambda: all(len(said[person.user]) > counts[person.user] + 50 for person in survivors))
        ended.set()
        results = await asyncio.gather(*talking, return_exceptions=True)
        assert [result for result in results[:4] if result is not None] == []
        assert all(isinstance(result, MicroSocketError) for result in results[4:])
        for person in survivors:
            for speaker in survivors:
                expected = said[speaker.user]
                await until(lambda: len(lines_of(person, speaker)) >= len(expected))  # noqa: B023
                assert lines_of(person, speaker) == expected
            left = [change for change in person.presence if change[0] == "left"]
            assert sorted(left) == sorted(("left", victim.user) for victim in victims)
            assert person.faults == []
        await steady(survivors[0], partial(is_like, before))


def is_like(before: dict[str, object], now: dict[str, object]) -> bool:
    """No task and no descriptor more."""
    return all(int(str(now[name])) <= int(str(before[name])) for name in ("tasks", "descriptors"))


async def outage(backend: Backend, folder: Path, seconds: float) -> None:
    async with workers(backend, folder, 2) as running:
        people = [await running.person(worker) for worker in (0, 0, 1)]
        here, neighbour, far = people
        await everybody_knows(people)
        before = [await person.probe() for person in (here, far)]
        await backend.kill()
        for person in (here, far):
            await steady(person, lambda found: found["state"] == "down")
        # Members of one process keep receiving, and publishers are told what they reach.
        assert not await here.say("meanwhile")
        await until(lambda: "meanwhile" in neighbour.said)
        # Joins succeed.
        for person in (here, far):
            await person.socket.request("join", {"room": "new"})
        with pytest.raises(MicroSocketError) as unavailable:
            await here.socket.request("count", {"room": "lobby"})
        assert unavailable.value.code == "no_broker"
        late = await running.person(0)
        await asyncio.sleep(seconds)
        await backend.restart()
        came_back = asyncio.get_running_loop().time()
        await steady(here, lambda found: found["state"] == "up")
        await steady(far, lambda found: found["state"] == "up")
        await reaches(here, far, "new")
        await reaches(far, here, "new")
        assert asyncio.get_running_loop().time() - came_back < BACK
        await everybody_knows([*people, late], EXACT)
        assert await here.socket.request("count", {"room": "lobby"}, answer=int) == 4
        for person in (*people, late):
            assert person.faults == []
        assert "meanwhile" not in far.said
        counted = (await here.probe())["counters"]
        assert counted["broker_missed"] >= 1
        assert counted["broker_down"] == 1
        await late.socket.close()
        for person, earlier in zip((here, far), before, strict=True):
            await steady(person, partial(is_like, earlier))


async def reaches(speaker: Person, listener: Person, room: str) -> None:
    """Says something, again and again, until it is heard."""
    number = 0
    while not any(line.startswith(f"fresh from {speaker.user}") for line in listener.said):
        number += 1
        await speaker.say(f"fresh from {speaker.user} {number}", room)
        await asyncio.sleep(0.02)


async def cuts(backend: Backend, folder: Path) -> None:
    """The broker cuts the connections of subscribers five times a second."""
    async with workers(backend, folder, 2) as running:
        people = [await running.person(worker) for worker in (0, 1)]
        here, far = people
        await everybody_knows(people)
        before = [await person.probe() for person in people]
        for number in range(150):
            await backend.cut()
            # Whoever is on the same process as the speaker gets all of it.
            await here.say(f"line {number}")
            await asyncio.sleep(0.2)
        assert [line for line in here.said if line.startswith("line")] == [f"line {number}" for number in range(150)]
        for person in people:
            await steady(person, lambda found: found["state"] == "up")
        await reaches(here, far, "lobby")
        await reaches(far, here, "lobby")
        await everybody_knows(people, EXACT)
        heard = [int(line.split()[1]) for line in far.said if line.startswith("line")]
        assert heard == sorted(set(heard))
        for person, earlier in zip(people, before, strict=True):
            assert person.faults == []
            await steady(person, partial(is_like, earlier))


async def a_frozen_broker(backend: Backend, folder: Path) -> None:
    async with workers(backend, folder, 2) as running:
        people = [await running.person(worker) for worker in (0, 1)]
        await everybody_knows(people)
        before = [await person.probe() for person in people]
        backend.freeze()
        frozen_at = asyncio.get_running_loop().time()
        try:
            for person in people:
                await steady(person, lambda found: found["state"] == "down")
            assert asyncio.get_running_loop().time() - frozen_at < NOTICED
            assert not await people[0].say("meanwhile")
            await asyncio.sleep(frozen_at + 10 - asyncio.get_running_loop().time())
        finally:
            backend.thaw()
        thawed_at = asyncio.get_running_loop().time()
        await reaches(people[0], people[1], "lobby")
        await reaches(people[1], people[0], "lobby")
        assert asyncio.get_running_loop().time() - thawed_at < BACK
        await everybody_knows(people, EXACT)
        assert "meanwhile" not in people[1].said
        for person, earlier in zip(people, before, strict=True):
            assert person.faults == []
            await steady(person, partial(is_like, earlier))


WORKS: dict[str, Work] = {
    "cuts": cuts,
    "outage of 15 s": partial(outage, seconds=15.0),
    "frozen": a_frozen_broker,
    "killed": a_process_is_killed,
    "outage of 3 s": partial(outage, seconds=3.0),
    "outage of 0.5 s": partial(outage, seconds=0.5),
}


def work(name: str, kind: str, folder: Path) -> None:
    async def run() -> None:
        await WORKS[name](BACKENDS[kind](), folder)

    asyncio.run(run())


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Generator[dict[tuple[str, str], Future[None]]]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {
            (name, kind): pool.submit(work, name, kind, tmp_path_factory.mktemp("work"))
            for name in WORKS
            for kind in BACKENDS
        }


@pytest.mark.parametrize("kind", BACKENDS)
@pytest.mark.parametrize("name", WORKS)
def test_processes_survive(begun: dict[tuple[str, str], Future[None]], name: str, kind: str) -> None:
    begun[name, kind].result()
