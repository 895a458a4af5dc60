"""What the tests of the client share. No test leaves a task behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from tests.client.peers import Clock, Scripted
from tests.server.running import Running, serving


@pytest_asyncio.fixture
async def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of the test's loop."""
    return Clock(monkeypatch)


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Scripted]:
    """A server that does what the test says."""
    async with Scripted().run() as scripted:
        yield scripted
        await scripted.idle()
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A real server, in a process of its own."""
    with serving(tmp_path_factory.mktemp("real"), "tests.client.apps:app") as running:
        yield running
