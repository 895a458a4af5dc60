"""Servers that the tests of this folder share. After each test nothing is left of its connections, and nothing was
logged as an error that the test does not know of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.server.serving import STACKS, Host, Hosts, Stack

Serve = Callable[..., Host]


@pytest.fixture(scope="session")
def hosts() -> Iterator[Hosts]:
    started = Hosts()
    yield started
    started.stop()


@pytest.fixture(params=STACKS, ids=str)
def stack(request: pytest.FixtureRequest) -> Stack:
    """Loop and HTTP class. Files in which they matter less take fewer."""
    chosen: Stack = request.param
    return chosen


@pytest.fixture
def serve(stack: Stack, hosts: Hosts) -> Iterator[Serve]:
    """Gives the server with these options of uvicorn."""
    used: list[Host] = []

    def serve(**options: Any) -> Host:
        host = hosts.get(stack, **options)
        host.take_errors()
        used.append(host)
        return host

    yield serve
    for host in used:
        host.leave()
        assert host.take_errors() == []


@pytest.fixture
def host(serve: Serve) -> Host:
    """The server with uvicorn's own defaults."""
    return serve()
