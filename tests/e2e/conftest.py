"""The servers that the tests of this folder run under, and their logs when a test fails."""

from __future__ import annotations

import uuid
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tests.e2e.servers import SERVERS, Server, serve

_LOG_CHARACTERS = 8000


@pytest.fixture(scope="module", params=SERVERS)
def every_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The chat, served; once for each kind of server."""
    kind: str = request.param
    with serve(kind, tmp_path_factory.mktemp(kind) / "server.log") as running:
        yield running
        assert "Traceback" not in running.read_log(), running.read_log()[-_LOG_CHARACTERS:]


@pytest.fixture
def server(every_server: Server) -> Server:
    """The same, for modules that run all of their tests under each."""
    return every_server


@pytest.fixture(params=SERVERS)
def kind(request: pytest.FixtureRequest) -> str:
    """A kind of server, for tests that start and stop it themselves."""
    name: str = request.param
    return name


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Where such a test lets its server write."""
    return tmp_path / "server.log"


@pytest.fixture
def room() -> str:
    """A room of the test's own, since tests share a server."""
    return f"room-{uuid.uuid4().hex[:8]}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Shows what the server wrote when a test fails."""
    report = yield
    arguments: dict[str, object] = getattr(item, "funcargs", {})
    running, own_log = arguments.get("server"), arguments.get("log")
    path = running.log if isinstance(running, Server) else own_log
    if report.failed and isinstance(path, Path) and path.exists():
        report.sections.append(("Server log", path.read_text(errors="replace")[-_LOG_CHARACTERS:]))
    return report
